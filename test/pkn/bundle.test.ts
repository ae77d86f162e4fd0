import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { readPknBundle } from '../../src/pkn/bundle.js';
import { PknNetwork } from '../../src/pkn/network.js';

/** sha256 of the text "head". */
const SHA256 = '9f2e6d33a3717ee826353a404ba4618d1aeeb6879ad7936bce8ed5f46814924d';
const MANIFEST = {
  formatVersion: 1,
  name: 'pkn',
  version: 1,
  heads: { bilateral: { file: 'bilateral.onnx', sha256: SHA256 } },
};

describe('readPknBundle', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'quietframe-pkn-'));
    writeFileSync(join(folder, 'bilateral.onnx'), 'head');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const write = (manifest: unknown): void =>
    writeFileSync(
      join(folder, 'model.json'),
      typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
    );

  it('reads heads that pass their check', async () => {
    write(MANIFEST);
    const bundle = await readPknBundle(folder);
    expect(bundle).toMatchObject({ name: 'pkn', version: 1 });
    expect(new TextDecoder().decode(bundle.heads.get('bilateral'))).toBe('head');
  });

  it.each([
    ['no manifest', undefined],
    ['no JSON', '{'],
    ['a list', []],
    ['another format', { ...MANIFEST, formatVersion: 2 }],
    ['no heads', { ...MANIFEST, heads: undefined }],
    ['an unknown head', { ...MANIFEST, heads: { toString: { file: 'bilateral.onnx', sha256: SHA256 } } }],
    ['another checksum', { ...MANIFEST, heads: { bilateral: { file: 'bilateral.onnx', sha256: 'ff' } } }],
    ['a missing file', { ...MANIFEST, heads: { bilateral: { file: 'other.onnx', sha256: SHA256 } } }],
    ['a path', { ...MANIFEST, heads: { bilateral: { file: '../bilateral.onnx', sha256: SHA256 } } }],
  ])('refuses %s', async (_, manifest) => {
    if (manifest !== undefined) write(manifest);
    await expect(readPknBundle(folder)).rejects.toMatchObject({ code: 'model-damaged' });
  });

  it('leaves it to the engine to refuse what is no network', async () => {
    write(MANIFEST);
    const bundle = await readPknBundle(folder);
    await expect(PknNetwork.load(bundle, onnxEngine)).rejects.toMatchObject({ code: 'model-damaged' });
  });
});
