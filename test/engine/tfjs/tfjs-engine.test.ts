import { readdirSync, readFileSync } from 'node:fs';
import { toBinary } from '@bufbuild/protobuf';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine, Tensor } from '../../../src/engine/engine.js';
import { ModelProtoSchema } from '../../../src/engine/gen/onnx_pb.js';
import { readOnnx } from '../../../src/engine/onnx-file.js';
import { onnxEngine } from '../../../src/engine/onnxruntime/onnx-engine.js';
import { tfjsEngine } from '../../../src/engine/tfjs/tfjs-engine.js';
import { randomNumbers } from '../../support/random.js';

const MODELS = new URL('../../../models/', import.meta.url);
const modules = readdirSync(MODELS, { recursive: true, encoding: 'utf8' })
  // GPU graphs are for ONNX Runtime.
  .filter((path) => path.endsWith('.onnx') && !path.endsWith('_graph.onnx'))
  .sort();

let tfjs: Engine;
beforeAll(async () => {
  tfjs = await tfjsEngine();
});

it('runs on the backend in WebAssembly where no other is installed', () => {
  expect(tfjs.provider).toBe('tfjs-wasm');
});

/** Half resolutions go with a height of 48 and a width of 80. */
const SIZES: Readonly<Record<string, number>> = { height: 48, width: 80, half_height: 24, half_width: 40 };

function inputsOf(file: Uint8Array): Record<string, Tensor> {
  const random = randomNumbers(1);
  const { graph } = readOnnx('input', file);
  return Object.fromEntries(
    graph.input.map(({ name, type }) => {
      const dims = type?.tensorType?.shape?.dim ?? [];
      const shape = dims.map(({ value }) =>
        value.case === 'dimValue' ? Number(value.value) : (SIZES[value.value ?? ''] as number),
      ) as [1, number, number, number];
      const data = new Float32Array(shape.reduce((a, b) => a * b)).map(random);
      return [name, { data, shape }];
    }),
  );
}

/** Channels and scale of outputs, by what ONNX Runtime makes. */
async function outputsOf(path: string, file: Uint8Array, inputs: Record<string, Tensor>) {
  const { InferenceSession, Tensor: OnnxTensor } = await import('onnxruntime-node');
  const session = await InferenceSession.create(new Uint8Array(file), { executionProviders: ['cpu'] });
  const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    new OnnxTensor('float32', data, shape),
  ]);
  const made = await session.run(Object.fromEntries(feeds));
  expect(Object.keys(made).length, path).toBeGreaterThan(0);
  return Object.entries(made).map(([name, { dims, data }]) => {
    const shape = dims as unknown as Tensor['shape'];
    return { name, shape, wanted: data as Float32Array };
  });
}

describe('the modules of the bundles', () => {
  it.each(modules)('%s gives what ONNX Runtime does', async (path) => {
    const file = readFileSync(new URL(path, MODELS));
    const inputs = inputsOf(file);
    const outputs = await outputsOf(path, file, inputs);
    const received = Object.fromEntries(
      outputs.map(({ name, shape, wanted }) => [name, { data: new Float32Array(wanted.length), shape }]),
    );
    const module = await tfjs.load(path, file);
    await module.run(inputs, received);
    // Runs do not depend on what was before.
    await module.run(inputs, received);
    for (const { name, wanted } of outputs) {
      const { data } = received[name] as Tensor;
      const error = data.reduce((most, value, i) => {
        const target = wanted[i] as number;
        return Math.max(most, Math.abs(value - target) / Math.max(Math.abs(target), 1));
      }, 0);
      expect(new Set(wanted).size).toBeGreaterThan(wanted.length / 100);
      expect(error).toBeLessThan(1e-4);
    }
  });
});

it('refuses an operator that it does not have, at loading', async () => {
  const model = readOnnx('features', readFileSync(new URL('kpcn/2/spatial_features.onnx', MODELS)));
  const relu = model.graph.node.find(({ opType }) => opType === 'Relu');
  if (relu === undefined) throw new Error('No Relu');
  relu.opType = 'Erf';
  const file = toBinary(ModelProtoSchema, model);
  await expect(onnxEngine.load('odd', file)).resolves.toBeDefined();
  await expect(tfjs.load('odd', file)).rejects.toMatchObject({
    code: 'model-damaged',
    message: expect.stringMatching(/^Expected operators .* for module odd but received "Erf"$/),
  });
});

it('refuses a file that is no module', async () => {
  await expect(tfjs.load('bad', new Uint8Array([1, 2, 3]))).rejects.toMatchObject({ code: 'model-damaged' });
});
