/** A float32 tensor, NCHW with N = 1. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly [1, number, number, number];
}

/** One network module that is loaded and ready to run. */
export interface NetworkModule {
  /**
   * Runs the module on named inputs and writes those of its outputs that are asked for into the tensors that are given.
   * @throws QuietframeError `internal` when the engine fails or an output has another shape.
   */
  run(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>): Promise<void>;
}

/** What runs network modules. */
export interface Engine {
  /** What it runs them on, as reports name it: `cpu`, a device, `tfjs-wasm`. */
  readonly provider: string;

  /**
   * Makes a module of the bytes of an ONNX file.
   * @param weights files that its initializers refer to as external data, by location; for ONNX Runtime alone.
   * @throws QuietframeError `model-damaged` when the file is not one or does not fit the engine.
   */
  load(
    name: string,
    file: Uint8Array,
    weights?: Readonly<Record<string, Uint8Array>>,
  ): Promise<NetworkModule>;
}

/** ONNX Runtime, or TensorFlow.js. */
export const ENGINES = ['onnx', 'tfjs'] as const;
export type EngineName = (typeof ENGINES)[number];

/** Memory for tensors of one tile after the other: a tensor takes the place of the last one of its name. */
export class TensorMemory {
  readonly #buffers = new Map<string, Float32Array>();

  /** A tensor [1, channels, height, width] with values that are left over. */
  tensor(name: string, channels: number, height: number, width: number): Tensor {
    const length = channels * height * width;
    let buffer = this.#buffers.get(name);
    if (buffer === undefined || buffer.length < length) {
      buffer = new Float32Array(length);
      this.#buffers.set(name, buffer);
    }
    return { data: buffer.subarray(0, length), shape: [1, channels, height, width] };
  }
}
