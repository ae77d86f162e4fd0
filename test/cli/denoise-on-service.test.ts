import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { fakeApp, listen } from '../server/support.js';
import { exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const LUXCORE = fileURLToPath(new URL('../files/luxcore', import.meta.url));
let folder: string;
const at = (name: string): string => join(folder, name);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function denoise(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    // Without models: nothing is denoised here.
    const env = { ...process.env, QUIETFRAME_MODELS: at('none') };
    const options = { cwd: folder, env };
    const child = execFile(process.execPath, [MAIN, 'denoise', ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-service-'));
  await writeFile(
    at('in.exr'),
    exrFile([{ layers: ['RGB'] }], (_, i) => i / 48),
  );
  await copyFile(join(LUXCORE, 'a.RGB.exr'), at('lux.exr'));
  await copyFile(join(LUXCORE, 'a.ALBEDO.exr'), at('albedo.exr'));
});
afterAll(() => rm(folder, { recursive: true }));

it('sends the frame and its parameters to a service, and writes the answer', async () => {
  const { app, service } = await fakeApp();
  const url = `http://127.0.0.1:${await listen(app)}`;
  const args = ['--lambda', '3', '--source', 'generic', '--region', '1,2,4,3'];
  const outcome = await denoise('in.exr', '-o', 'out.exr', '--server', url, '--report', 'r.json', ...args);
  expect(outcome).toEqual({
    code: 0,
    stdout: `out.exr: kpcn@2 on cpu of ${url}\n`,
    stderr: 'quietframe: warning missing-albedo: There is no albedo\n',
  });
  const [request] = service.requests;
  expect(request).toMatchObject({ lambda: 3, source: 'generic' });
  expect(request?.region).toEqual({ x: 1, y: 2, width: 4, height: 3 });
  const [before, after] = await Promise.all(
    ['in.exr', 'out.exr'].map(
      async (name) => readExr(await readFile(at(name))).parts[0]?.planes.get('R')?.data,
    ),
  );
  expect([...(after ?? [])]).toEqual(Array.from(before ?? [], (value) => Math.fround(value / 2)));
  expect(JSON.parse(await readFile(at('r.json'), 'utf8'))).toMatchObject({ model: 'kpcn', version: 2 });
});

it('sends layers in files of their own with the frame', async () => {
  const { app, service } = await fakeApp();
  const url = `http://127.0.0.1:${await listen(app)}`;
  const outcome = await denoise('lux.exr', '-o', 'lux-out.exr', '--albedo', 'albedo.exr', '--server', url);
  expect(outcome.code).toBe(0);
  const { parts } = readHeader(service.requests[0]?.exr ?? new Uint8Array());
  // The albedo is a part with a name of its own, by which the service knows it.
  expect(parts.map(({ channels }) => channels.map(({ name }) => name).join(''))).toEqual(['BGR', 'BGR']);
  expect(parts[1]?.name).toMatch(/albedo/i);
});

it('says which file a service refuses, and writes nothing', async () => {
  const { app } = await fakeApp();
  const url = `http://127.0.0.1:${await listen(app)}`;
  await writeFile(
    at('grey.exr'),
    exrFile([{ layers: ['depth.Z'] }], () => 1),
  );
  const { code, stderr } = await denoise('grey.exr', '-o', 'never.exr', '--server', url);
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/^quietframe: grey\.exr: http\S+ answered 422/);
  expect(await readdir(folder)).not.toContain('never.exr');
});

it('names a service that does not answer', async () => {
  const { code, stderr } = await denoise('in.exr', '-o', 'never.exr', '--server', 'http://127.0.0.1:1');
  expect([code, stderr]).toEqual([1, expect.stringContaining('http://127.0.0.1:1 does not answer')]);
});

it.each([
  ['--half-b', 'in.exr'],
  ['--guide', 'in.exr'],
  ['--threads', '1'],
  ['--device', 'cpu'],
  ['--engine', 'onnx'],
])('refuses %s, which a service would not see', async (flag, value) => {
  const args = ['in.exr', '-o', 'never.exr', '--server', 'http://127.0.0.1:1', flag, value];
  const { code, stderr } = await denoise(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`nothing with --server for ${flag}`)]);
});

it.each([
  ['a token without a service', ['--token-file', 'in.exr'], /nothing without --server/],
  ['what is no URL', ['--server', 'localhost'], /the URL of a service for --server/],
])('refuses %s', async (_, args, message) => {
  const { code, stderr } = await denoise('in.exr', '-o', 'never.exr', ...args);
  expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
});

it('writes no pictures of what a service denoised', async () => {
  const { code, stderr } = await denoise('in.exr', '-o', 'never.png', '--server', 'http://127.0.0.1:1');
  expect([code, stderr]).toEqual([2, expect.stringContaining('.exr as the suffix')]);
});
