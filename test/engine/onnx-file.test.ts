import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readOnnx } from '../../src/engine/onnx-file.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

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

it('refuses modules that are none', () => {
  expect(() => readOnnx('bad', new Uint8Array([9, 9, 9]))).toThrow(
    'Expected an ONNX module for module bad of the model',
  );
  expect(() => readOnnx('empty', new Uint8Array())).toThrow('Expected an ONNX module');
});
