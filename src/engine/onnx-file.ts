import { fromBinary } from '@bufbuild/protobuf';
import { expected, QuietframeError } from '../errors.js';
import {
  type AttributeProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataType as TensorType,
} from './gen/onnx_pb.js';

/** A model with its graph. */
export type OnnxModel = ModelProto & { graph: GraphProto };

/** The value of an attribute, or of a tensor in one. */
export type AttributeValue = number | string | readonly number[] | TensorProto;

/**
 * Reads an ONNX file.
 * @param name of the module, for errors.
 * @throws QuietframeError `model-damaged` when it is not one.
 */
export function readOnnx(name: string, file: Uint8Array): OnnxModel {
  let model: ModelProto | undefined;
  try {
    model = fromBinary(ModelProtoSchema, file);
  } catch (cause) {
    throw damaged(name, 'a file that does not load', cause);
  }
  const { graph } = model;
  if (graph === undefined || graph.output.length === 0) throw damaged(name, 'a file without a graph');
  return { ...model, graph };
}

/** The values of a tensor of float32 or int64. @throws TypeError for another type. */
export function tensorValues(tensor: TensorProto): { data: Float32Array | BigInt64Array; shape: number[] } {
  const shape = tensor.dims.map(Number);
  // Raw data may begin anywhere in the file.
  const raw = new Uint8Array(tensor.rawData);
  if (tensor.dataType === TensorType.FLOAT) {
    const data = raw.length > 0 ? new Float32Array(raw.buffer) : new Float32Array(tensor.floatData);
    return { data, shape };
  }
  if (tensor.dataType === TensorType.INT64) {
    const data = raw.length > 0 ? new BigInt64Array(raw.buffer) : new BigInt64Array(tensor.int64Data);
    return { data, shape };
  }
  throw new TypeError(`Tensors of type ${tensor.dataType} are not known`);
}

/** The attributes of a node by name. */
export function attributesOf(node: NodeProto): ReadonlyMap<string, AttributeValue> {
  return new Map(node.attribute.map((attribute) => [attribute.name, attributeValue(attribute)]));
}

function attributeValue({ f, i, s, t, ints, floats }: AttributeProto): AttributeValue {
  if (t !== undefined) return t;
  if (s !== undefined) return new TextDecoder().decode(s);
  if (i !== undefined) return Number(i);
  if (f !== undefined) return f;
  return ints.length > 0 ? ints.map(Number) : floats;
}

function damaged(name: string, received: string, cause?: unknown): QuietframeError {
  const message = expected('an ONNX module', `module ${name} of the model`, received);
  return new QuietframeError('model-damaged', message, { parameter: name }, { cause });
}
