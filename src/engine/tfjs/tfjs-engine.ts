import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { expected, QuietframeError } from '../../errors.js';
import type { Engine, NetworkModule, Tensor } from '../engine.js';
import { attributesOf, type OnnxModel, readOnnx } from '../onnx-file.js';
import { constant, OPERATORS } from './operators.js';
import { type Floats, nchw, type TensorFlow, type Value } from './values.js';

/** Packages that bring TensorFlow's own library, which their users install; then the backend in WebAssembly. */
const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];
const CORE = '@tensorflow/tfjs-core';
const WASM = '@tensorflow/tfjs-backend-wasm';

/**
 * TensorFlow.js in place of ONNX Runtime: the modules of a bundle, node by node. `run` keeps its thread busy: use it in
 * worker threads only.
 * @throws QuietframeError `device-unavailable` when none of its packages is installed or works.
 */
export async function tfjsEngine(): Promise<Engine> {
  const tf = await start();
  return {
    provider: `tfjs-${tf.getBackend()}`,
    async load(name, file) {
      return moduleOf(tf, name, readOnnx(name, file));
    },
  };
}

async function start(): Promise<TensorFlow> {
  const installed = createRequire(import.meta.url);
  const has = (name: string): boolean => {
    try {
      installed.resolve(name);
      return true;
    } catch {
      return false;
    }
  };
  try {
    const native = NATIVE.find(has);
    if (native !== undefined) {
      const tf = await nativePackage(installed.resolve(native));
      await tf.ready();
      return tf;
    }
    if (has(CORE) && has(WASM)) {
      const tf: TensorFlow = await import(CORE);
      const { setThreadsCount }: typeof import('@tensorflow/tfjs-backend-wasm') = await import(WASM);
      // Workers are the threads.
      setThreadsCount(1);
      await tf.setBackend('wasm');
      await tf.ready();
      return tf;
    }
  } catch (cause) {
    throw unavailable('one that does not start', cause);
  }
  throw unavailable('none');
}

/**
 * A native package, wherever `require` finds it: NODE_PATH is not for `import`. It is CommonJS, whose names Node may not all
 * know before it runs.
 */
async function nativePackage(path: string): Promise<TensorFlow> {
  const { default: tf }: { readonly default: TensorFlow } = await import(pathToFileURL(path).href);
  return tf;
}

function unavailable(received: string, cause?: unknown): QuietframeError {
  const range = `${NATIVE.join(', ')}, or ${CORE} with ${WASM} to be installed`;
  const message = expected(range, 'engine tfjs', received);
  return new QuietframeError('device-unavailable', message, { parameter: 'engine' }, { cause });
}

function moduleOf(tf: TensorFlow, name: string, { graph }: OnnxModel): NetworkModule {
  const constants = new Map(graph.initializer.map((tensor) => [tensor.name, constant(tf, tensor)]));
  const steps = graph.node.map(({ opType, input, output, ...node }) => {
    const operator = OPERATORS[opType];
    if (operator === undefined) {
      const message = expected(`operators ${Object.keys(OPERATORS).join(', ')}`, `module ${name}`, opType);
      throw new QuietframeError('model-damaged', message, { parameter: name });
    }
    return { operator, input, output, attributes: attributesOf({ ...node, opType, input, output }) };
  });

  const evaluate = (inputs: Readonly<Record<string, Tensor>>): Map<string, Value> => {
    const values = new Map<string, Value>(constants);
    for (const [key, { data, shape }] of Object.entries(inputs)) {
      // A copy: memory of the caller is written again.
      values.set(key, { tensor: tf.tensor4d(data.slice(), [...shape]), channelsLast: false });
    }
    for (const { operator, input, output, attributes } of steps) {
      const given = input.map((each) => values.get(each));
      const made = operator(tf, given, attributes, output.length);
      const results = 'length' in made ? made : [made];
      for (const [i, each] of output.entries()) values.set(each, results[i] as Value);
    }
    return values;
  };

  return {
    async run(inputs, outputs) {
      try {
        tf.tidy(() => {
          const values = evaluate(inputs);
          for (const [key, { data, shape }] of Object.entries(outputs)) {
            const { tensor } = nchw(tf, values.get(key) as Floats);
            if (tensor.shape.join() !== shape.join()) throw new TypeError(`${key} is [${tensor.shape}]`);
            data.set(tensor.dataSync());
          }
        });
      } catch (cause) {
        throw new QuietframeError('internal', `The module ${name} failed`, {}, { cause });
      }
    },
  };
}
