/** A float32 tensor, NCHW with N = 1. */
export interface Tensor {
  readonly data: Float32Array;
  readonly shape: readonly [1, number, number, number];
}

/** One network module that is loaded and ready to run. */
export interface NetworkModule {
  /**
   * Runs the module on named inputs.
   * @returns the outputs by name.
   * @throws QuietframeError `internal` when the engine fails.
   */
  run(inputs: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
}

/** What runs network modules. */
export interface Engine {
  /**
   * Makes a module of the bytes of an ONNX file.
   * @throws QuietframeError `model-damaged` when the file is not one or does not fit the engine.
   */
  load(name: string, file: Uint8Array): Promise<NetworkModule>;
}

/** An output of a module by name. */
export function output(outputs: Readonly<Record<string, Tensor>>, name: string): Tensor {
  const tensor = outputs[name];
  if (tensor === undefined) throw new TypeError(`The module has no output ${name}`);
  return tensor;
}
