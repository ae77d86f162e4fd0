import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  TensorProto_DataType as TensorType,
  ValueInfoProtoSchema,
} from './gen/onnx_pb.js';
import { readOnnx, tensorValues } from './onnx-file.js';

/** Names a value of a graph. */
export type Value = string & { readonly brand: 'value' };

/** A size, or the name of one that is only known when the graph runs. */
export type Dimension = number | string;

type Attribute = number | string | readonly number[];

const IR_VERSION = 8n;
const OPSET = 18n;

/**
 * An ONNX graph in the making: operations of opset 18 and whole modules, joined into one file. Values are float32, those of
 * shapes and indices int64.
 */
export class OnnxGraph {
  readonly #graph: GraphProto = create(GraphProtoSchema, { name: 'quietframe' });
  #count = 0;

  input(name: string, shape: readonly Dimension[]): Value {
    this.#graph.input.push(valueInfo(name, shape));
    return name as Value;
  }

  output(name: string, value: Value, shape: readonly Dimension[]): void {
    this.#add('Identity', [value], [name], {});
    this.#graph.output.push(valueInfo(name, shape));
  }

  /** A constant of float32. */
  constant(shape: readonly number[], data: Float32Array): Value {
    const name = this.#name('constant');
    const rawData = new Uint8Array(new Float32Array(data).buffer);
    this.#graph.initializer.push(
      create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType: TensorType.FLOAT, rawData }),
    );
    return name;
  }

  /** A list of int64; `Number.MAX_SAFE_INTEGER` is as good as no limit. */
  integers(...values: readonly number[]): Value {
    const name = this.#name('integers');
    const rawData = new Uint8Array(new BigInt64Array(values.map(BigInt)).buffer);
    const dims = [BigInt(values.length)];
    this.#graph.initializer.push(
      create(TensorProtoSchema, { name, dims, dataType: TensorType.INT64, rawData }),
    );
    return name;
  }

  /** The first output of an operation. */
  op(type: string, inputs: readonly Value[], attributes: Readonly<Record<string, Attribute>> = {}): Value {
    return this.split(type, inputs, 1, attributes)[0] as Value;
  }

  /** The outputs of an operation that has several. */
  split(
    type: string,
    inputs: readonly Value[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value[] {
    const names = Array.from({ length: outputs }, () => this.#name(type.toLowerCase()));
    this.#add(type, inputs, names, attributes);
    return names;
  }

  /**
   * All nodes of a module. Convolutions get channels of zeros up to a multiple of four: with 9 or 33, those of ONNX Runtime
   * 1.30 are wrong on WebGPU by as much as their values.
   * @param inputs what its inputs are, by name; all of them.
   * @returns its outputs by name.
   * @throws QuietframeError `model-damaged` when the file is not an ONNX module; TypeError when an input is left out.
   */
  include(module: string, file: Uint8Array, inputs: Readonly<Record<string, Value>>): Record<string, Value> {
    const { graph } = readOnnx(module, file);
    const prefix = this.#name(module);
    const constants = new Set(graph.initializer.map(({ name }) => name));
    for (const { name } of graph.input) {
      if (inputs[name] === undefined && !constants.has(name)) {
        throw new TypeError(`The module ${module} has an input ${name}`);
      }
    }
    const renamed = (name: string): string => (name === '' ? '' : (inputs[name] ?? `${prefix}/${name}`));
    const tensors = new Map(graph.initializer.map((tensor) => [tensor.name, tensor]));
    for (const node of graph.node) {
      const [input, output] = [node.input.map(renamed), node.output.map(renamed)];
      const weights = node.opType === 'Conv' ? tensors.get(node.input[1] ?? '') : undefined;
      const missing = weights === undefined ? 0 : -Number(weights.dims[1]) & 3;
      if (weights !== undefined && missing > 0) {
        tensors.set(weights.name, widened(weights, missing));
        input[0] = this.op('Pad', [input[0] as Value, this.integers(0, 0, 0, 0, 0, missing, 0, 0)]);
      }
      this.#graph.node.push({ ...node, name: renamed(node.name), input, output });
    }
    for (const tensor of tensors.values()) {
      this.#graph.initializer.push({ ...tensor, name: renamed(tensor.name) });
    }
    return Object.fromEntries(graph.output.map(({ name }) => [name, renamed(name) as Value]));
  }

  /** The bytes of an ONNX file. */
  file(): Uint8Array {
    const model = create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      producerName: 'quietframe',
      opsetImport: [{ version: OPSET }],
      graph: this.#graph,
    });
    return toBinary(ModelProtoSchema, model);
  }

  #add(
    opType: string,
    input: readonly string[],
    output: readonly string[],
    attributes: Readonly<Record<string, Attribute>>,
  ): void {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const name = this.#name(`${opType}_node`);
    this.#graph.node.push(
      create(NodeProtoSchema, { opType, name, input: [...input], output: [...output], attribute }),
    );
  }

  #name(kind: string): Value {
    return `${kind}_${this.#count++}` as Value;
  }
}

/** Numbers are integers: no operation that is used here has another attribute of one number. */
function attributeOf(name: string, value: Attribute): MessageInitShape<typeof AttributeProtoSchema> {
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: BigInt(value) };
  if (typeof value === 'string') {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  return { name, type: AttributeType.INTS, ints: value.map(BigInt) };
}

/** Weights [O,C,h,w] with further channels of zeros. */
function widened(weights: TensorProto, more: number): TensorProto {
  const { data, shape } = tensorValues(weights);
  const [outputs = 0, channels = 0, height = 0, width = 0] = shape;
  const size = height * width;
  const wide = new Float32Array(outputs * (channels + more) * size);
  for (let o = 0; o < outputs; o++) {
    const kernel = (data as Float32Array).subarray(o * channels * size, (o + 1) * channels * size);
    wide.set(kernel, o * (channels + more) * size);
  }
  const dims = [outputs, channels + more, height, width].map(BigInt);
  return { ...weights, dims, floatData: [], rawData: new Uint8Array(wide.buffer) };
}

function valueInfo(name: string, shape: readonly Dimension[]) {
  const dim = shape.map((size) => ({
    value:
      typeof size === 'number'
        ? { case: 'dimValue' as const, value: BigInt(size) }
        : { case: 'dimParam' as const, value: size },
  }));
  const tensorType = { elemType: TensorType.FLOAT, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { tensorType } });
}
