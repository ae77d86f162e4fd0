/** Every module of the bundles with the native package of TensorFlow.js that the engine finds, and with ONNX Runtime. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { readOnnx } from '../../dist/engine/onnx-file.js';
import { tfjsEngine } from '../../dist/engine/tfjs/tfjs-engine.js';

const MODELS = new URL('../../models/', import.meta.url);
const SIZES = { height: 16, width: 24, half_height: 8, half_width: 12 };
const engine = await tfjsEngine();
assert.equal(engine.provider, 'tfjs-tensorflow');

let state = 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
};

function inputsOf(file) {
  return Object.fromEntries(
    readOnnx('input', file).graph.input.map(({ name, type }) => {
      const dims = type?.tensorType?.shape?.dim ?? [];
      const shape = dims.map(({ value }) =>
        value.case === 'dimValue' ? Number(value.value) : SIZES[value.value],
      );
      return [name, { data: new Float32Array(shape.reduce((a, b) => a * b)).map(random), shape }];
    }),
  );
}

const modules = readdirSync(MODELS, { recursive: true, encoding: 'utf8' }).filter(
  (path) =>
    // The graphs for GPUs hold no weights.
    path.endsWith('.onnx') && !path.endsWith('_graph.onnx'),
);
assert.ok(modules.length > 0);
for (const path of modules.sort()) {
  const file = readFileSync(new URL(path, MODELS));
  const inputs = inputsOf(file);
  const session = await InferenceSession.create(new Uint8Array(file), { executionProviders: ['cpu'] });
  const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [
    name,
    new Tensor('float32', data, shape),
  ]);
  const wanted = await session.run(Object.fromEntries(feeds));
  const received = Object.fromEntries(
    Object.entries(wanted).map(([name, { dims, data }]) => [
      name,
      { data: new Float32Array(data.length), shape: dims },
    ]),
  );
  const module = await engine.load(path, file);
  await module.run(inputs, received);
  for (const [name, { data }] of Object.entries(wanted)) {
    const error = received[name].data.reduce(
      (most, value, i) => Math.max(most, Math.abs(value - data[i]) / Math.max(Math.abs(data[i]), 1)),
      0,
    );
    assert.ok(error < 1e-4, `${path}, ${name}: ${error}`);
    assert.ok(new Set(data).size > data.length / 100, `${path}, ${name} is flat`);
  }
  console.log(`${path} as ONNX Runtime`);
}
