import type { Tensor, Tensor3D, Tensor4D } from '@tensorflow/tfjs-core';
import { type AttributeValue, tensorValues } from '../onnx-file.js';
import {
  axisOf,
  broadcastable,
  type Floats,
  floats,
  given,
  type Integers,
  integers,
  isFloats,
  list,
  nchw,
  nhwc,
  number,
  type Operator,
  reshaped,
  shapeOf,
  type TensorFlow,
  type Value,
} from './values.js';

/** The operators that networks here are made of, by their names in ONNX; what else there may be is refused at loading. */
export const OPERATORS: Readonly<Record<string, Operator>> = {
  Add: binary(
    (tf, a, b) => tf.add(a, b),
    (a, b) => a + b,
  ),
  Sub: binary(
    (tf, a, b) => tf.sub(a, b),
    (a, b) => a - b,
  ),
  Mul: binary(
    (tf, a, b) => tf.mul(a, b),
    (a, b) => a * b,
  ),
  Div: binary(
    (tf, a, b) => tf.div(a, b),
    (a, b) => Math.trunc(a / b),
  ),
  Abs: unary((tf, x) => tf.abs(x)),
  Log: unary((tf, x) => tf.log(x)),
  Exp: unary((tf, x) => tf.exp(x)),
  Relu: unary((tf, x) => tf.relu(x)),
  Sigmoid: unary((tf, x) => tf.sigmoid(x)),
  Softplus: unary((tf, x) => tf.softplus(x)),
  Sqrt: unary((tf, x) => tf.sqrt(x)),
  Clip: (tf, [x, least, most]) => {
    const { tensor, channelsLast } = floats(x);
    const raised = least === undefined ? tensor : tf.maximum(tensor, floats(least).tensor);
    return { tensor: most === undefined ? raised : tf.minimum(raised, floats(most).tensor), channelsLast };
  },
  Cast: (_, [x]) => integers(x),
  Constant: (tf, _, attributes) => constant(tf, attributes.get('value')),
  ConstantOfShape: (_, [shape]) => {
    const sizes = integers(shape).data;
    return { data: new Array(sizes.reduce((product, size) => product * size, 1)).fill(0), shape: sizes };
  },
  Shape: (_, [x], attributes) => {
    const shape = shapeOf(given(x));
    const data = shape.slice(number(attributes, 'start', 0), number(attributes, 'end', shape.length));
    return { data, shape: [data.length] };
  },
  Gather: (_, [x, at]) => {
    const { data } = integers(x);
    const index = integers(at);
    return { data: index.data.map((i) => data.at(i) as number), shape: index.shape };
  },
  Concat: (tf, inputs, attributes) => {
    const values = inputs.map(given);
    if (values.every((value): value is Integers => !isFloats(value))) {
      const data = values.flatMap((value) => value.data);
      return { data, shape: [data.length] };
    }
    const all = values.map((value) => nhwc(tf, floats(value)));
    const axis = axisOf(all[0] as Floats, number(attributes, 'axis', 0));
    const tensor = tf.concat(
      all.map((value) => value.tensor),
      axis,
    );
    return { tensor, channelsLast: all.every((value) => value.channelsLast) };
  },
  Split: (tf, [x, sizes], attributes, outputs) => {
    const value = floats(x);
    const axis = axisOf(value, number(attributes, 'axis', 0));
    const parts = sizes === undefined ? outputs : [...integers(sizes).data];
    return tf
      .split(value.tensor, parts, axis)
      .map((tensor) => ({ tensor, channelsLast: value.channelsLast }));
  },
  Slice: (tf, [x, starts, ends, axes, steps]) => {
    const [begin, end] = [integers(starts).data, integers(ends).data];
    const along = axes === undefined ? begin.map((_, i) => i) : integers(axes).data;
    const step = steps === undefined ? begin.map(() => 1) : integers(steps).data;
    const value = given(x);
    return along.reduce<Value>(
      (sliced, axis, i) =>
        sliceAlong(tf, sliced, axis, begin[i] as number, end[i] as number, step[i] as number),
      value,
    );
  },
  Reshape: (tf, [x, to]) => {
    const value = given(x);
    const old = shapeOf(value);
    const copied = integers(to).data.map((size, i) => (size === 0 ? (old[i] as number) : size));
    const length = old.reduce((product, size) => product * size, 1);
    const known = copied.reduce((product, size) => (size < 0 ? product : product * size), 1);
    return reshaped(
      tf,
      value,
      copied.map((size) => (size < 0 ? length / known : size)),
    );
  },
  Unsqueeze: (tf, [x, axes]) => {
    const value = given(x);
    const shape = [...shapeOf(value)];
    for (const axis of [...integers(axes).data].sort((a, b) => a - b)) shape.splice(axis, 0, 1);
    return reshaped(tf, value, shape);
  },
  Squeeze: (tf, [x, axes]) => {
    const value = given(x);
    const out = integers(axes).data;
    return reshaped(
      tf,
      value,
      shapeOf(value).filter((_, i) => !out.includes(i)),
    );
  },
  Transpose: (tf, [x], attributes) => {
    const permutation = list(attributes, 'perm');
    const value = given(x);
    if (isFloats(value))
      return { tensor: tf.transpose(nchw(tf, value).tensor, permutation), channelsLast: false };
    const [rows = 0, columns = 0] = value.shape;
    if (permutation.join() !== '1,0') throw new TypeError('Integers are only transposed as a matrix');
    const at = (i: number): number => value.data[(i % rows) * columns + Math.floor(i / rows)] as number;
    return { data: value.data.map((_, i) => at(i)), shape: [columns, rows] };
  },
  Conv: (tf, [x, weights, bias], attributes) => {
    const input = nhwc(tf, floats(x)).tensor as Tensor4D;
    const filter = tf.transpose(nchw(tf, floats(weights)).tensor as Tensor4D, [2, 3, 1, 0]);
    const strides = list(attributes, 'strides', [1, 1]) as [number, number];
    const pads = list(attributes, 'pads', [0, 0, 0, 0]);
    const { x: padded, pad } = paddedFor(tf, input, filter.shape, strides, pads);
    const options = { x: padded, filter, strides, pad };
    const tensor = tf.fused.conv2d(bias === undefined ? options : { ...options, bias: floats(bias).tensor });
    return { tensor, channelsLast: true };
  },
  DepthToSpace: (tf, [x], attributes) => {
    const block = number(attributes, 'blocksize', 1);
    const { tensor } = nhwc(tf, floats(x));
    const [count = 0, height = 0, width = 0, depth = 0] = tensor.shape;
    const channels = depth / block ** 2;
    const isCrd = attributes.get('mode') === 'CRD';
    const parts = isCrd
      ? [count, height, width, channels, block, block]
      : [count, height, width, block, block, channels];
    const order = isCrd ? [0, 1, 4, 2, 5, 3] : [0, 1, 3, 2, 4, 5];
    const spread = tf.transpose(tf.reshape(tensor, parts), order);
    return {
      tensor: tf.reshape(spread, [count, height * block, width * block, channels]),
      channelsLast: true,
    };
  },
  MaxPool: (_, [x], attributes) => {
    // The shipped networks have one of single pixels, which is there for another engine.
    if (list(attributes, 'kernel_shape').some((size) => size !== 1))
      throw new TypeError('Pooling of 1 x 1 alone');
    return given(x);
  },
  AveragePool: (tf, [x], attributes) => {
    const size = list(attributes, 'kernel_shape') as [number, number];
    const strides = list(attributes, 'strides', [1, 1]) as [number, number];
    const { tensor } = nhwc(tf, floats(x));
    return { tensor: tf.avgPool(tensor as Tensor4D, size, strides, 'valid'), channelsLast: true };
  },
  ReduceMean: (tf, [x, axes], attributes) => {
    const value = nchw(tf, floats(x));
    const along = axes === undefined ? undefined : [...integers(axes).data];
    return {
      tensor: tf.mean(value.tensor, along, number(attributes, 'keepdims', 1) === 1),
      channelsLast: false,
    };
  },
  Pad: (tf, [x, amounts], attributes) => {
    const { tensor } = nchw(tf, floats(x));
    const { data } = integers(amounts);
    const rank = tensor.rank;
    const pads = tensor.shape.map((_, i): [number, number] => [data[i] as number, data[i + rank] as number]);
    if (attributes.get('mode') !== 'edge') return { tensor: tf.pad(tensor, pads), channelsLast: false };
    // Mirrored with its border, one pixel is that of the border.
    if (pads.flat().some((size) => size > 1)) throw new TypeError('Borders repeat by one pixel alone');
    return { tensor: tf.mirrorPad(tensor, pads, 'symmetric'), channelsLast: false };
  },
  Resize: (tf, [x, , scales]) => {
    const { tensor } = nhwc(tf, floats(x));
    const [, , down = 1, across = 1] = floats(scales).tensor.dataSync();
    const [, height = 0, width = 0] = tensor.shape;
    const size: [number, number] = [Math.floor(height * down), Math.floor(width * across)];
    return { tensor: tf.image.resizeNearestNeighbor(tensor as Tensor4D, size), channelsLast: true };
  },
};

/** A constant of a graph. */
export function constant(tf: TensorFlow, value: AttributeValue | undefined): Value {
  if (typeof value !== 'object' || !('dims' in value)) throw new TypeError('A constant without a tensor');
  const { data, shape } = tensorValues(value);
  if (data instanceof Float32Array) return { tensor: tf.tensor(data, shape), channelsLast: false };
  return { data: Array.from(data, Number), shape };
}

function unary(run: (tf: TensorFlow, x: Tensor) => Tensor): Operator {
  return (tf, [x]) => {
    const { tensor, channelsLast } = floats(x);
    return { tensor: run(tf, tensor), channelsLast };
  };
}

function binary(
  run: (tf: TensorFlow, a: Tensor, b: Tensor) => Tensor,
  count: (a: number, b: number) => number,
): Operator {
  return (tf, [left, right]) => {
    const [a, b] = [given(left), given(right)];
    if (!isFloats(a) && !isFloats(b)) {
      const longer = a.data.length >= b.data.length ? a : b;
      const at = (value: Integers, i: number): number => value.data[i % value.data.length] as number;
      return { data: longer.data.map((_, i) => count(at(a, i), at(b, i))), shape: longer.shape };
    }
    const pair = [floats(a), floats(b)] as const;
    const channelsLast = pair.some((value) => value.channelsLast);
    const [x, y] = pair.map((value) => (channelsLast ? broadcastable(tf, value) : value.tensor));
    return { tensor: run(tf, x as Tensor, y as Tensor), channelsLast };
  };
}

function sliceAlong(
  tf: TensorFlow,
  value: Value,
  axis: number,
  start: number,
  end: number,
  step: number,
): Value {
  const size = shapeOf(value)[axis] as number;
  const clamp = (place: number, least: number, most: number): number =>
    Math.min(Math.max(place < 0 ? place + size : place, least), most);
  if (isFloats(value)) {
    if (step !== 1) throw new TypeError('Floats are only sliced in steps of 1');
    const [from, to] = [clamp(start, 0, size), clamp(end, 0, size)];
    const begin = value.tensor.shape.map(() => 0);
    const sizes = [...value.tensor.shape];
    const place = axisOf(value, axis);
    begin[place] = from;
    sizes[place] = Math.max(to - from, 0);
    return { tensor: tf.slice(value.tensor, begin, sizes), channelsLast: value.channelsLast };
  }
  if (axis !== 0) throw new TypeError('Integers are only sliced by rows');
  const row = value.data.length / size;
  const [from, to] =
    step > 0
      ? [clamp(start, 0, size), clamp(end, 0, size)]
      : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  const rows: number[][] = [];
  for (let i = from; step > 0 ? i < to : i > to; i += step)
    rows.push(value.data.slice(i * row, (i + 1) * row));
  return { data: rows.flat(), shape: [rows.length, ...value.shape.slice(1)] };
}

/** TensorFlow's own padding where it is the same: its native backends have no other, and it needs no copy. */
function paddedFor(
  tf: TensorFlow,
  x: Tensor4D,
  [kernelHeight, kernelWidth]: readonly number[],
  [down, across]: readonly [number, number],
  pads: readonly number[],
): { x: Tensor4D | Tensor3D; pad: 'same' | 'valid' } {
  const [top = 0, left = 0, bottom = 0, right = 0] = pads;
  if (pads.every((size) => size === 0)) return { x, pad: 'valid' };
  const isSame = (size: number, kernel = 1, stride = 1, before = 0, after = 0): boolean => {
    const total = Math.max((Math.ceil(size / stride) - 1) * stride + kernel - size, 0);
    return before === Math.floor(total / 2) && after === total - before;
  };
  const [, height, width] = x.shape;
  if (isSame(height, kernelHeight, down, top, bottom) && isSame(width, kernelWidth, across, left, right)) {
    return { x, pad: 'same' };
  }
  return {
    x: tf.pad(x, [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]),
    pad: 'valid',
  };
}
