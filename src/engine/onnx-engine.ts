import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { expected, QuietframeError } from '../errors.js';
import type { Engine, NetworkModule, Tensor } from './engine.js';

/**
 * Parallel work is spread over workers with one session each: two workers of one thread are faster than one of two.
 * Denormals cost a factor of several in softplus and sigmoid, and threads that spin steal time from other workers.
 * The arena keeps a third more memory than the tensors need and saves no time.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  enableCpuMemArena: false,
  logSeverityLevel: 3,
  extra: { session: { set_denormal_as_zero: '1', intra_op: { allow_spinning: '0' } } },
};

/**
 * ONNX Runtime on the CPU. `run` keeps its thread busy: use it in worker threads only. Sessions leak when they are
 * created and released again and again, so that modules are loaded once and live as long as their worker.
 */
export const onnxEngine: Engine = {
  async load(name, file) {
    try {
      // The binding does not take shared memory.
      const session = await InferenceSession.create(new Uint8Array(file), SESSION_OPTIONS);
      return moduleOf(name, session);
    } catch (cause) {
      const message = expected('an ONNX module', `module ${name} of the model`, 'a file that does not load');
      throw new QuietframeError('model-damaged', message, { parameter: name }, { cause });
    }
  },
};

function moduleOf(name: string, session: InferenceSession): NetworkModule {
  return {
    async run(inputs) {
      try {
        const feeds = Object.entries(inputs).map(([key, { data, shape }]) => [
          key,
          new OnnxTensor('float32', data, shape),
        ]);
        const results = await session.run(Object.fromEntries(feeds));
        return Object.fromEntries(Object.entries(results).map(([key, value]) => [key, tensorOf(value)]));
      } catch (cause) {
        throw new QuietframeError('internal', `The module ${name} failed`, {}, { cause });
      }
    },
  };
}

function tensorOf(value: InferenceSession.OnnxValueMapType[string]): Tensor {
  const { data, dims } = value;
  const [n, channels, height, width] = dims;
  if (!(data instanceof Float32Array) || dims.length !== 4 || n !== 1) {
    throw new TypeError(expected('float32 of shape [1,C,H,W]', 'an output', `${value.type} [${dims}]`));
  }
  return { data, shape: [1, channels as number, height as number, width as number] };
}
