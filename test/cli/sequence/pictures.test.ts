import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { fakeApp, listen } from '../../server/support.js';
import { exrFile } from '../../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const MODELS = fileURLToPath(new URL('../../golden/tiny-bundle', import.meta.url));
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-pictures-'));
  // The second frame is four times as bright: a light was switched on.
  for (const [number, light] of [
    [1, 0.2],
    [2, 0.8],
  ] as const) {
    const path = join(folder, `in.000${number}.exr`);
    const bytes = exrFile([{ layers: ['RGB', 'A'] }], (channel, i) =>
      channel === 'A' ? 1 : light * (1 + 0.1 * Math.sin(i * i)),
    );
    await writeFile(path, bytes);
    await utimes(path, 1e9, 1e9);
  }
});
afterEach(() => rm(folder, { recursive: true }));

function sequence(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, QUIETFRAME_MODELS: MODELS, QUIETFRAME_THREADS: '1' };
  return new Promise((resolve) => {
    const all = [MAIN, 'sequence', 'in.####.exr', ...args];
    const child = execFile(process.execPath, all, { cwd: folder, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const brightness = async (name: string): Promise<number> => {
  const { data } = PNG.sync.read(await readFile(join(folder, name)));
  return data.reduce((sum, value, i) => sum + (i % 4 === 3 ? 0 : value), 0) / (0.75 * data.length);
};
const summary = ({ stdout }: { stdout: string }): string =>
  /\d+ denoised, \d+ already done/.exec(stdout)?.[0] ?? stdout;

it('writes pictures with one exposure for all frames, and makes no picture twice', async () => {
  const png = ['-o', 'out.####.png', '--window', '1'];
  const first = await sequence(...png, '--report', 'report.json');
  expect([first.code, summary(first)]).toEqual([0, '2 denoised, 0 already done']);
  expect((await readdir(folder)).filter((name) => name.startsWith('out'))).toEqual([
    'out.0001.png',
    'out.0002.png',
  ]);
  // Middle gray, and two stops more: each frame exposed by itself would be as bright as the other.
  const [dark, light] = [await brightness('out.0001.png'), await brightness('out.0002.png')];
  expect(dark).toBeGreaterThan(90);
  expect(dark).toBeLessThan(150);
  expect(light).toBeGreaterThan(dark + 50);
  const { frames } = JSON.parse(await readFile(join(folder, 'report.json'), 'utf8'));
  expect(frames[1]).toMatchObject({ status: 'denoised', output: 'out.0002.png' });

  expect(summary(await sequence(...png))).toBe('0 denoised, 2 already done');
  // A part of the shot has the exposure of the whole one.
  expect(summary(await sequence(...png, '--frames', '2'))).toBe('0 denoised, 1 already done');
  expect(summary(await sequence(...png, '--lambda', '2'))).toBe('2 denoised, 0 already done');
  await writeFile(join(folder, 'out.0001.png'), 'no picture');
  expect(summary(await sequence(...png, '--lambda', '2'))).toBe('1 denoised, 1 already done');
});

it('makes pictures of what a service answers', async () => {
  const { app } = await fakeApp();
  const url = `http://127.0.0.1:${await listen(app)}`;
  const outcome = await sequence('-o', 'out.####.png', '--window', '1', '--server', url);
  expect([outcome.code, summary(outcome)]).toEqual([0, '2 denoised, 0 already done']);
  expect(await brightness('out.0001.png')).toBeGreaterThan(0);
});

it.each([
  ['further outputs', ['--aovs', 'all'], '--aovs'],
  ['several views', ['--view', 'all'], '--view all'],
])('has no pictures of %s', async (_, args, named) => {
  const { code, stderr } = await sequence('-o', 'out.####.png', ...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(named)]);
});
