import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttributeValue } from '../onnx-file.js';

/** TensorFlow.js, as one of its packages gives it. */
export type TensorFlow = typeof import('@tensorflow/tfjs-core');

/** Sizes and indices, which no tensor is needed for. */
export interface Integers {
  readonly data: readonly number[];
  readonly shape: readonly number[];
}

/** Floats; those with four dimensions may lie in memory as NHWC, which convolutions of TensorFlow.js want. */
export interface Floats {
  readonly tensor: Tensor;
  readonly channelsLast: boolean;
}

export type Value = Integers | Floats;

/** One operation of a graph. Inputs that are left out are undefined. */
export type Operator = (
  tf: TensorFlow,
  inputs: readonly (Value | undefined)[],
  attributes: ReadonlyMap<string, AttributeValue>,
  outputs: number,
) => Value | readonly Value[];

export const isFloats = (value: Value): value is Floats => 'tensor' in value;

/** As NCHW, or in the order of the graph. */
export function nchw(tf: TensorFlow, value: Floats): Floats {
  if (!value.channelsLast) return value;
  return { tensor: tf.transpose(value.tensor, [0, 3, 1, 2]), channelsLast: false };
}

export function nhwc(tf: TensorFlow, value: Floats): Floats {
  if (value.channelsLast || value.tensor.rank !== 4) return value;
  return { tensor: tf.transpose(value.tensor, [0, 2, 3, 1]), channelsLast: true };
}

/** A tensor that meets one of NHWC. */
export function broadcastable(tf: TensorFlow, value: Floats): Tensor {
  const { tensor } = value;
  if (value.channelsLast || tensor.size === 1) return tensor.size === 1 ? tf.reshape(tensor, []) : tensor;
  const shape = [...new Array(4 - tensor.rank).fill(1), ...tensor.shape];
  return nhwc(tf, { tensor: tf.reshape(tensor, shape), channelsLast: false }).tensor;
}

export function reshaped(tf: TensorFlow, value: Value, shape: readonly number[]): Value {
  if (!isFloats(value)) return { data: value.data, shape };
  return { tensor: tf.reshape(nchw(tf, value).tensor, [...shape]), channelsLast: false };
}

/** Where a dimension of the graph lies in memory. */
export function axisOf({ tensor, channelsLast }: Floats, axis: number): number {
  const positive = axis < 0 ? axis + tensor.rank : axis;
  return channelsLast ? ([0, 3, 1, 2][positive] as number) : positive;
}

export function shapeOf(value: Value): readonly number[] {
  if (!isFloats(value)) return value.shape;
  const { tensor, channelsLast } = value;
  return channelsLast ? [0, 3, 1, 2].map((i) => tensor.shape[i] as number) : tensor.shape;
}

export function given(value: Value | undefined): Value {
  if (value === undefined) throw new TypeError('An input is missing');
  return value;
}

export function floats(value: Value | undefined): Floats {
  if (value === undefined || !isFloats(value)) throw new TypeError('An input is not of floats');
  return value;
}

export function integers(value: Value | undefined): Integers {
  if (value === undefined || isFloats(value)) throw new TypeError('An input is not of integers');
  return value;
}

export function number(
  attributes: ReadonlyMap<string, AttributeValue>,
  name: string,
  fallback: number,
): number {
  const value = attributes.get(name);
  return typeof value === 'number' ? value : fallback;
}

export function list(
  attributes: ReadonlyMap<string, AttributeValue>,
  name: string,
  fallback: readonly number[] = [],
): number[] {
  const value = attributes.get(name);
  return Array.isArray(value) ? value.map(Number) : [...fallback];
}
