import { InferenceSession, Tensor as OnnxTensor } from 'onnxruntime-node';
import { expected, QuietframeError } from '../errors.js';
import type { Engine, NetworkModule, Tensor } from './engine.js';

/**
 * Parallel work is spread over workers with one session each: two workers of one thread are faster than one of two.
 * Denormals cost a factor of several in sigmoid, and threads that spin steal time from other workers. An arena would keep
 * the most memory that each session has ever needed, and sessions of a worker never run at the same time.
 */
const SESSION_OPTIONS: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: 'all',
  enableCpuMemArena: false,
  enableMemPattern: false,
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
    async run(inputs, outputs) {
      try {
        await session.run(onnxTensors(inputs), onnxTensors(outputs));
      } catch (cause) {
        throw new QuietframeError('internal', `The module ${name} failed`, {}, { cause });
      }
    },
  };
}

function onnxTensors(tensors: Readonly<Record<string, Tensor>>): Record<string, OnnxTensor> {
  return Object.fromEntries(
    Object.entries(tensors).map(([name, { data, shape }]) => [name, new OnnxTensor('float32', data, shape)]),
  );
}
