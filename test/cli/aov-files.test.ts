import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { fakeApp, listen } from '../server/support.js';
import { exrFile } from '../support/exr-files.js';

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const MAIN = path('../../dist/cli/main.js');
const MODELS = path('../golden/tiny-bundle');
/** Real renders, every output in a file of its own; see `make.py` there. */
const LUXCORE = path('../files/luxcore/');
let folder: string;
const at = (name: string): string => join(folder, name);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function quietframe(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    // Only the models that ship magnify.
    const models = args.includes('--upscale') ? {} : { QUIETFRAME_MODELS: MODELS };
    const env = { ...process.env, ...models, QUIETFRAME_THREADS: '1' };
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: folder, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-files-'));
  for (const [from, to] of [
    ['a.RGB', 'in'],
    ['b.RGB', 'half_b'],
    ['a.ALBEDO', 'albedo'],
    ['a.AVG_SHADING_NORMAL', 'normal'],
  ] as const)
    await copyFile(join(LUXCORE, `${from}.exr`), at(`${to}.exr`));
  for (const frame of [1, 2, 3]) {
    for (const name of ['in', 'albedo', 'normal']) {
      await copyFile(at(`${name}.exr`), at(`${name}.${frame}.exr`));
      await utimes(at(`${name}.${frame}.exr`), 1e9, 1e9);
    }
  }
});
afterAll(() => rm(folder, { recursive: true }));

const GUIDES = ['--albedo', 'albedo.exr', '--normal', 'normal.exr'];
const report = async (): Promise<Record<string, unknown>> => JSON.parse(await readFile(at('r.json'), 'utf8'));

describe('denoise with layers in files of their own', () => {
  it('uses them, and writes the file of the color alone', async () => {
    const args = ['denoise', 'in.exr', '--source', 'luxcore', '-o', 'out.exr', '--report', 'r.json'];
    expect(await quietframe(...args, ...GUIDES)).toMatchObject({ code: 0, stderr: '' });
    expect(await report()).toMatchObject({
      input: { source: 'luxcore', parts: 1, halfBuffers: false },
      warnings: [],
    });
    const { parts } = readExr(await readFile(at('out.exr')));
    expect(parts.map(({ name, planes }) => [name, [...planes.keys()]])).toEqual([['', ['B', 'G', 'R']]]);
    const plain = await quietframe('denoise', 'in.exr', '-o', 'plain.exr');
    expect(plain.stderr).toContain('warning missing-albedo');
    expect(readExr(await readFile(at('plain.exr'))).parts[0]?.planes).not.toEqual(parts[0]?.planes);
  });

  it('goes with half buffers, which measure the noise of the color', async () => {
    const args = ['denoise', 'in.exr', '--half-b', 'half_b.exr', '-o', 'halves.exr', '--report', 'r.json'];
    expect(await quietframe(...args, ...GUIDES)).toMatchObject({ code: 0 });
    expect(await report()).toMatchObject({ varianceOrigin: 'half-buffers', warnings: [] });
  });

  it('goes with a magnified result', async () => {
    const args = ['denoise', 'in.exr', '--upscale', '2', '-o', 'large.exr', ...GUIDES];
    expect(await quietframe(...args)).toMatchObject({ code: 0 });
    const { parts } = readExr(await readFile(at('large.exr')));
    expect(parts.map(({ name, dataWindow, planes }) => [name, dataWindow.xMax, planes.size])).toEqual([
      ['', 127, 3],
    ]);
    expect([...(parts[0]?.attributes.keys() ?? [])].filter((name) => name.startsWith('quietframe.'))).toEqual(
      [],
    );
  });

  it('takes a variance', async () => {
    const args = [
      'denoise',
      'in.exr',
      '--variance',
      'albedo.exr',
      '-o',
      'v.exr',
      '--report',
      'r.json',
      ...GUIDES,
    ];
    expect(await quietframe(...args)).toMatchObject({ code: 0 });
    expect(await report()).toMatchObject({ varianceOrigin: 'layer' });
  });

  it('names the file that does not fit or cannot be read', async () => {
    await writeFile(
      at('small.exr'),
      exrFile([{ layers: ['RGB'] }], (_, i) => i),
    );
    await writeFile(at('text.exr'), 'not a picture');
    const out = ['-o', 'none.exr'];
    for (const [args, message] of [
      [['--albedo', 'small.exr'], /small\.exr: Expected the data window \(0, 0\) to \(63, 47\).*role albedo/],
      [['--normal', 'text.exr'], /text\.exr: /],
      [['--variance', 'nothing.exr'], /nothing\.exr cannot be read: it does not exist/],
    ] as const) {
      const { code, stderr } = await quietframe('denoise', 'in.exr', ...out, ...args);
      expect(code).toBeGreaterThan(0);
      expect(stderr).toMatch(message);
    }
  });

  it('never writes over such a file', async () => {
    const { code, stderr } = await quietframe('denoise', 'in.exr', '-o', 'albedo.exr', ...GUIDES);
    expect([code, stderr]).toEqual([2, expect.stringContaining('another file than the input albedo.exr')]);
  });
});

describe('sequence with layers in files of their own', () => {
  const FILES = ['--albedo', 'albedo.#.exr', '--normal', 'normal.#.exr'];
  const shot = ['sequence', 'in.#.exr', '-o', 'clean.#.exr', '--window', '3', ...FILES];

  it('denoises each frame with its own, and knows what is done', async () => {
    expect(await quietframe(...shot, '--report', 'shot.json')).toMatchObject({ code: 0 });
    expect((await quietframe(...shot)).stdout).toContain('0 denoised, 3 already done');
    expect((await quietframe(...shot.slice(0, -2))).stdout).toContain('3 denoised, 0 already done');
    expect((await quietframe(...shot)).stdout).toContain('3 denoised');
    const later = new Date(Date.now() + 1e6);
    await utimes(at('normal.3.exr'), later, later);
    expect((await quietframe(...shot)).stdout).toContain('2 denoised, 1 already done');
    await utimes(at('normal.3.exr'), 1e9, 1e9);
  });

  it('reads motion vectors from such files', async () => {
    for (const frame of [1, 2, 3])
      await writeFile(
        at(`vectors.${frame}.exr`),
        exrFile([{ window: { xMin: 0, yMin: 0, xMax: 63, yMax: 47 }, layers: ['RGBA'] }], () => 0),
      );
    const args = [
      '--motion-vectors',
      'vectors.#.exr',
      '--motion',
      'to-both',
      '--report',
      'shot.json',
      '--force',
    ];
    const { code, stderr } = await quietframe(...shot, ...args);
    expect([code, stderr]).toEqual([0, '']);
    const { frames } = JSON.parse(await readFile(at('shot.json'), 'utf8'));
    expect(frames[1]).toMatchObject({ motion: 'vectors' });
    expect((await quietframe(...shot, ...args.slice(0, 4))).stdout).toContain('3 already done');
  });

  it('leaves out a neighbor whose file is missing, and fails the frame itself', async () => {
    await rm(at('albedo.3.exr'));
    const { code, stdout, stderr } = await quietframe(...shot, '--force');
    expect(code).toBeGreaterThan(0);
    expect(stdout).toContain('2 denoised, 0 already done, 1 failed');
    expect(stderr).toContain('albedo.3.exr cannot be read: it does not exist');
    expect(stderr).toContain('warning frame-left-out');
    await copyFile(at('albedo.exr'), at('albedo.3.exr'));
  });

  it('sends them to services', async () => {
    const { app, service } = await fakeApp();
    const url = `http://127.0.0.1:${await listen(app)}`;
    try {
      const { code } = await quietframe(...shot, '--force', '--server', url);
      expect(code).toBe(0);
      expect(service.requests.length).toBeGreaterThan(0);
    } finally {
      await app.close();
    }
  });
});
