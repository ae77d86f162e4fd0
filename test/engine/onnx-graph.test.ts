import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { Tensor } from '../../src/engine/engine.js';
import { readOnnx, tensorValues } from '../../src/engine/onnx-file.js';
import { OnnxGraph } from '../../src/engine/onnx-graph.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SPECIALIZATION = readFileSync(
  new URL('../golden/tiny-bundle/kpcn/1/loss_specialization.onnx', import.meta.url),
);

const tensor = (shape: Tensor['shape'], value: (i: number) => number = () => 0): Tensor => ({
  shape,
  data: new Float32Array(shape.reduce((a, b) => a * b)).map((_, i) => value(i)),
});

it('reads and writes what its description says', () => {
  const folder = mkdtempSync(join(tmpdir(), 'quietframe-onnx-'));
  try {
    const bin = join(ROOT, 'node_modules', '.bin');
    const env = { ...process.env, PATH: `${bin}:${process.env.PATH}` };
    const template = 'src/engine/proto/buf.gen.yaml';
    execFileSync(join(bin, 'buf'), ['generate', '--template', template, '--output', folder], {
      cwd: ROOT,
      env,
    });
    const path = 'src/engine/gen/onnx_pb.ts';
    expect(readFileSync(join(ROOT, path), 'utf8')).toBe(readFileSync(join(folder, path), 'utf8'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it('joins operations to a graph that runs', async () => {
  const graph = new OnnxGraph();
  const x = graph.input('x', [1, 2, 'height', 'width']);
  const parts = graph.split('Split', [x, graph.integers(1, 1)], 2, { axis: 1 });
  const ten = graph.constant([], new Float32Array([10]));
  const sum = graph.op('Add', [graph.op('Mul', [ten, ...parts.slice(0, 1)]), ...parts.slice(1)]);
  graph.output('y', sum, [1, 1, 'height', 'width']);
  const y = tensor([1, 1, 1, 3]);
  await (await onnxEngine.load('sum', graph.file())).run({ x: tensor([1, 2, 1, 3], (i) => i) }, { y });
  expect([...y.data]).toEqual([3, 14, 25]);
});

it('takes modules in, whose convolutions get whole groups of four channels and stay what they are', async () => {
  const graph = new OnnxGraph();
  const spatial = graph.input('spatial', [1, 8, 'height', 'width']);
  const logLambda = graph.input('lambda', [1, 1, 'height', 'width']);
  const { specialized } = graph.include('loss', SPECIALIZATION, { spatial, log_lambda: logLambda });
  if (specialized === undefined) throw new Error('No output');
  graph.output('specialized', specialized, [1, 8, 'height', 'width']);

  const channels = (file: Uint8Array): number[] => {
    const weights = readOnnx('module', file).graph.initializer.map((each) => tensorValues(each).shape);
    return weights.filter((shape) => shape.length === 4).map(([, inputs]) => inputs as number);
  };
  expect(channels(SPECIALIZATION)).toContain(9);
  expect(channels(graph.file()).filter((count) => count % 4 !== 0)).toEqual([]);

  const inputs = {
    spatial: tensor([1, 8, 6, 5], (i) => (i % 13) / 13),
    lambda: tensor([1, 1, 6, 5], (i) => i / 30),
  };
  const [received, wanted] = [tensor([1, 8, 6, 5]), tensor([1, 8, 6, 5])];
  await (await onnxEngine.load('joined', graph.file())).run(inputs, { specialized: received });
  const module = await onnxEngine.load('module', SPECIALIZATION);
  await module.run({ spatial: inputs.spatial, log_lambda: inputs.lambda }, { specialized: wanted });
  expect(new Set(wanted.data).size).toBeGreaterThan(100);
  expect(
    Math.max(...received.data.map((value, i) => Math.abs(value - (wanted.data[i] as number)))),
  ).toBeLessThan(1e-5);
});

it('refuses modules that are none, and inputs that are left out', () => {
  const graph = new OnnxGraph();
  expect(() => graph.include('bad', new Uint8Array([9, 9, 9]), {})).toThrow(
    'Expected an ONNX module for module bad of the model',
  );
  expect(() => graph.include('empty', new Uint8Array(), {})).toThrow('Expected an ONNX module');
  expect(() => graph.include('loss', SPECIALIZATION, {})).toThrow('The module loss has an input spatial');
});
