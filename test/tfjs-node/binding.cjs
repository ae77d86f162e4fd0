/**
 * Stands in for the native library of `@tensorflow/tfjs-node`: it has the functions of its binding and computes TensorFlow's
 * operations with the kernels in JavaScript. Everything above the binding is the package's own code.
 */
const { getKernel } = require('@tensorflow/tfjs-core');
const { MathBackendCPU } = require('@tensorflow/tfjs-backend-cpu');

const TYPES = {
  TF_FLOAT: 1,
  TF_INT32: 3,
  TF_UINT8: 4,
  TF_STRING: 7,
  TF_COMPLEX64: 8,
  TF_INT64: 9,
  TF_BOOL: 10,
};
const NAMES = { 1: 'float32', 3: 'int32', 10: 'bool' };
const ATTRIBUTES = {
  ...{ TF_ATTR_STRING: 0, TF_ATTR_INT: 1, TF_ATTR_FLOAT: 2, TF_ATTR_BOOL: 3, TF_ATTR_TYPE: 4 },
  ...{ TF_ATTR_SHAPE: 5, TF_ATTR_RESOURCE: 6 },
};

const backend = new MathBackendCPU();
/** Shapes, types and values of tensors by what the package calls them: kernels dispose of what they are given. */
const tensors = new Map();
let last = 0;

function keep({ shape, dtype, values }) {
  last++;
  tensors.set(last, { shape, dtype, values });
  return { id: last, shape, dtype: dtype === 'int32' ? TYPES.TF_INT32 : TYPES.TF_FLOAT };
}

function valuesOf({ dataId }) {
  return backend.data.get(dataId).values;
}

function run(kernel, inputs, attrs = {}) {
  return getKernel(kernel, 'cpu').kernelFunc({ inputs, attrs, backend });
}

/** Operations by TensorFlow's names: inputs in their order, attributes by name. */
const OPERATIONS = {
  Conv2D: ([x, filter], { strides, padding, dilations }) => {
    if (padding === 'EXPLICIT') throw new Error('Explicit padding is not supported on CPUs');
    const [, down, across] = strides;
    const attrs = { strides: [down, across], pad: padding.toLowerCase(), dilations: dilations.slice(1, 3) };
    return run('Conv2D', { x, filter }, { ...attrs, dataFormat: 'NHWC' });
  },
  AvgPool: ([x], { ksize, strides, padding }) =>
    run(
      'AvgPool',
      { x },
      { filterSize: ksize.slice(1, 3), strides: strides.slice(1, 3), pad: padding.toLowerCase() },
    ),
  ConcatV2: (inputs) => run('Concat', inputs.slice(0, -1), { axis: valuesOf(inputs.at(-1))[0] }),
  SplitV: ([x, sizes, axis]) =>
    run('SplitV', { x }, { numOrSizeSplits: Array.from(valuesOf(sizes)), axis: valuesOf(axis)[0] }),
  Slice: ([x, begin, size]) =>
    run('Slice', { x }, { begin: Array.from(valuesOf(begin)), size: Array.from(valuesOf(size)) }),
  Transpose: ([x, perm]) => run('Transpose', { x }, { perm: Array.from(valuesOf(perm)) }),
  Reshape: ([x, shape]) => run('Reshape', { x }, { shape: Array.from(valuesOf(shape)) }),
  PadV2: ([x, paddings, value]) =>
    run('PadV2', { x }, { paddings: pairs(paddings), constantValue: valuesOf(value)[0] }),
  MirrorPad: ([x, paddings], { mode }) =>
    run('MirrorPad', { x }, { paddings: pairs(paddings), mode: mode.toLowerCase() }),
  Mean: ([x, axes], { keep_dims: keepDims }) =>
    run('Mean', { x }, { axis: Array.from(valuesOf(axes)), keepDims }),
  ResizeNearestNeighbor: ([images, size], attributes) =>
    run(
      'ResizeNearestNeighbor',
      { images },
      {
        size: Array.from(valuesOf(size)),
        alignCorners: attributes.align_corners,
        halfPixelCenters: attributes.half_pixel_centers,
      },
    ),
  Cast: ([x], { DstT }) => run('Cast', { x }, { dtype: NAMES[DstT] }),
};
const BINARY = {
  ...{ Add: 'Add', AddV2: 'Add', BiasAdd: 'Add', Sub: 'Sub', Mul: 'Multiply', Multiply: 'Multiply' },
  ...{ RealDiv: 'RealDiv', Maximum: 'Maximum', Minimum: 'Minimum' },
};
const UNARY = ['Abs', 'Exp', 'Log', 'Relu', 'Sigmoid', 'Softplus', 'Sqrt'];

function pairs(paddings) {
  const values = Array.from(valuesOf(paddings));
  return values.flatMap((value, i) => (i % 2 === 0 ? [[value, values[i + 1]]] : []));
}

function compute(name, inputs, attributes) {
  const operation = OPERATIONS[name];
  if (operation !== undefined) return operation(inputs, attributes);
  if (BINARY[name] !== undefined) return run(BINARY[name], { a: inputs[0], b: inputs[1] });
  if (UNARY.includes(name)) return run(name, { x: inputs[0] });
  throw new Error(`The stand-in has no operation ${name}`);
}

module.exports = {
  ...TYPES,
  ...ATTRIBUTES,
  TF_RESOURCE: 20,
  TF_Version: 'stand-in',
  isUsingGpuDevice: () => false,
  createTensor(shape, dtype, values) {
    const name = NAMES[dtype];
    if (name === undefined) throw new Error(`The stand-in has no type ${dtype}`);
    const typed = name === 'float32' ? Float32Array.from(values) : Int32Array.from(values);
    return keep({ shape, dtype: name, values: typed }).id;
  },
  deleteTensor(id) {
    if (!tensors.delete(id)) throw new Error(`There is no tensor ${id}`);
  },
  tensorDataSync: (id) => tensors.get(id).values.slice(),
  getNumOfTensors: () => tensors.size,
  executeOp(name, attributes, ids, outputs) {
    const inputs = ids.map((id) => {
      const { shape, dtype, values } = tensors.get(id);
      return backend.makeTensorInfo(shape, dtype, values.slice());
    });
    const made = compute(
      name,
      inputs,
      Object.fromEntries(attributes.map(({ name, value }) => [name, value])),
    );
    const list = Array.isArray(made) ? made : [made];
    if (list.length !== outputs) throw new Error(`${name} made ${list.length} tensors, not ${outputs}`);
    return list.map((info) => keep({ ...info, values: valuesOf(info) }));
  },
};
