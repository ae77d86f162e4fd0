import { env, InferenceSession, listSupportedBackends, Tensor as OnnxTensor } from 'onnxruntime-node';
import { expected, QuietframeError } from '../../errors.js';
import type { Device } from '../device.js';
import type { Engine, NetworkModule, Tensor } from '../engine.js';
import { freeCopies } from './free-copies.js';

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
  provider: 'cpu',
  async load(name, file, weights) {
    try {
      // The binding does not take shared memory.
      const session = await InferenceSession.create(new Uint8Array(file), {
        ...SESSION_OPTIONS,
        externalData: externalData(weights),
      });
      return moduleOf(name, session);
    } catch (cause) {
      const message = expected('an ONNX module', `module ${name} of the model`, 'a file that does not load');
      throw new QuietframeError('model-damaged', message, { parameter: name }, { cause });
    }
  },
};

// Errors are thrown; the log would tell them once more, on standard error.
env.logLevel = 'fatal';

/** What a device is asked of the runtime by: TensorRT leaves to CUDA what it does not take. */
const PROVIDERS: Readonly<Record<Exclude<Device, 'cpu'>, readonly string[]>> = {
  webgpu: ['webgpu'],
  cuda: ['cuda'],
  tensorrt: ['tensorrt', 'cuda'],
};

/**
 * ONNX Runtime on another device. Its sessions take memory there for as long as the process lives; they belong to one thread.
 * `load` and `run` throw `device-unavailable` where there is no such device, its libraries are missing, or it does not take
 * the graph or fails.
 */
export function deviceEngine(device: Exclude<Device, 'cpu'>): Engine {
  return {
    provider: device,
    async load(name, file, weights) {
      const known = listSupportedBackends().map((backend) => backend.name);
      if (!known.includes(device)) throw unavailable(device, `no such device on ${process.platform}`);
      try {
        const session = await InferenceSession.create(new Uint8Array(file), {
          externalData: externalData(weights),
          executionProviders: [...PROVIDERS[device]],
          graphOptimizationLevel: 'all',
          logSeverityLevel: 4,
        });
        return moduleOf(name, session, device);
      } catch (cause) {
        throw unavailable(device, reasonOf(cause), cause);
      }
    },
  };
}

function externalData(
  weights: Readonly<Record<string, Uint8Array>> = {},
): { path: string; data: Uint8Array }[] {
  return Object.entries(weights).map(([path, data]) => ({ path, data: new Uint8Array(data) }));
}

/** That a device is not used, and why. */
function unavailable(device: Device, reason: string, cause?: unknown): QuietframeError {
  const message = `Expected a device that works for device but received "${device}": ${reason}`;
  return new QuietframeError('device-unavailable', message, { parameter: 'device' }, { cause });
}

/** The sentence of the runtime's message, without the names of its sources. */
function reasonOf(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  return (message.split(/was false\. |: /).at(-1) ?? message).trim().slice(0, 200);
}

function moduleOf(name: string, session: InferenceSession, device?: Device): NetworkModule {
  return {
    async run(inputs, outputs) {
      try {
        freeCopies(await session.run(onnxTensors(inputs), onnxTensors(outputs)), outputs);
      } catch (cause) {
        if (device !== undefined) throw unavailable(device, reasonOf(cause), cause);
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
