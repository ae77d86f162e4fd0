import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import { buildApp } from '../../../src/server/app.js';
import { CONFIG, listen } from '../../server/support.js';
import { blenderParts, exrFile } from '../../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const MODELS = fileURLToPath(new URL('../../golden/tiny-bundle', import.meta.url));

const pool = new ExrPool({ workers: 1 });
const denoiser = await Denoiser.load({ modelsDirectory: MODELS, threads: 1 });
const app = await buildApp(
  { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser },
  CONFIG,
);
const url = `http://127.0.0.1:${await listen(app)}`;
const folders: string[] = [];
let folder: string;
const at = (name: string): string => join(folder, name);
afterAll(async () => {
  await app.close();
  await Promise.all([pool.close(), denoiser.close()]);
  for (const each of folders) await rm(each, { recursive: true });
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-damaged-'));
  folders.push(folder);
});

const frame = (n: number, passes = ['Combined.RGB', 'Vector.XYZW']): Uint8Array =>
  exrFile(blenderParts('V', passes), (channel, i) =>
    channel.includes('Vector') ? 0 : 0.5 + 0.3 * Math.sin(i * i + n),
  );
/** The header and the first chunks are whole. */
const truncated = (n: number): Uint8Array => frame(n).slice(0, -40);
const small = (n: number): Uint8Array =>
  exrFile([{ layers: ['RGB'], window: { xMin: 0, yMin: 0, xMax: 3, yMax: 2 } }], (_, i) => n + i / 9);

async function put(name: string, bytes: Uint8Array | string): Promise<void> {
  await writeFile(at(name), bytes);
  await utimes(at(name), 1e9, 1e9);
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function sequence(pattern: string, ...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, QUIETFRAME_MODELS: MODELS, QUIETFRAME_THREADS: '1' };
    const all = [MAIN, 'sequence', pattern, '-o', 'out/c.####.exr', '--report', 'report.json', ...args];
    const child = execFile(process.execPath, all, { cwd: folder, env }, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const summary = ({ stdout }: Outcome): string =>
  /\d+ denoised, \d+ already done, \d+ failed/.exec(stdout)?.[0] ?? stdout;
const report = async () => JSON.parse(await readFile(at('report.json'), 'utf8'));

describe.each([
  ['here', [] as string[]],
  ['on a service', ['--server', url]],
])('a shot %s', (_, where) => {
  beforeEach(() => mkdir(at('out')));

  it.each([
    ['no OpenEXR file', 'hello'],
    ['empty', ''],
    ['truncated', truncated(3)],
    ['of another size', small(3)],
  ])('loses only the frame that is %s, and has nothing to do afterwards', async (_, bytes) => {
    for (const n of [1, 2, 3, 4, 5]) await put(`s.000${n}.exr`, n === 3 ? bytes : frame(n));
    const first = await sequence('s.####.exr', '--window', '3', ...where);
    expect([first.code, summary(first)]).toEqual([1, '4 denoised, 0 already done, 1 failed']);
    expect(await readdir(at('out'))).toEqual(['c.0001.exr', 'c.0002.exr', 'c.0004.exr', 'c.0005.exr']);
    // Whatever is said of a fault names the damaged file and no other one.
    expect(first.stderr).toMatch(/^quietframe: s\.0003\.exr: /m);
    expect(first.stderr).toMatch(
      /warning frame-left-out: frames 2, 4: Denoised without a frame of the window: s\.0003\.exr: /,
    );
    expect(first.stderr).not.toMatch(/s\.000[1245]\.exr/);
    const { frames, warnings } = await report();
    expect(frames.map(({ status }: { status: string }) => status)).toEqual(
      [1, 2, 3, 4, 5].map((n) => (n === 3 ? 'failed' : 'denoised')),
    );
    expect(frames[1].warnings).toContainEqual({
      code: 'frame-left-out',
      message: expect.stringContaining('s.0003.exr'),
      frame: 's.0003.exr',
    });
    expect(warnings).toContainEqual(expect.objectContaining({ code: 'frame-left-out', frames: [2, 4] }));

    const second = await sequence('s.####.exr', '--window', '3', ...where);
    expect(summary(second)).toBe('0 denoised, 4 already done, 1 failed');
    await writeFile(at('s.0003.exr'), frame(3));
    const repaired = await sequence('s.####.exr', '--window', '3', ...where);
    expect([repaired.code, summary(repaired)]).toEqual([0, '3 denoised, 2 already done, 0 failed']);
  });

  it('says when a frame lacks a layer of the others, and has nothing to do afterwards', async () => {
    for (const n of [1, 2, 3]) await put(`s.000${n}.exr`, frame(n, n === 2 ? ['Combined.RGB'] : undefined));
    const first = await sequence('s.####.exr', '--window', '3', ...where);
    expect([first.code, summary(first)]).toEqual([0, '3 denoised, 0 already done, 0 failed']);
    expect(first.stderr).toMatch(/frame-left-out: frames 1, 3: .*s\.0002\.exr: .*motion/);
    const second = await sequence('s.####.exr', '--window', '3', ...where);
    expect(summary(second)).toBe('0 denoised, 3 already done, 0 failed');
  });

  it('takes frames below 0 in the order of time, and ranges of them', async () => {
    for (const n of [-2, -1, 0, 1]) {
      await put(`s.${n < 0 ? '-' : ''}${String(Math.abs(n)).padStart(4, '0')}.exr`, frame(n));
    }
    const ranged = await sequence('s.####.exr', '--window', '3', '--frames', '-1-1', ...where);
    expect([ranged.code, summary(ranged)]).toEqual([0, '3 denoised, 0 already done, 0 failed']);
    const { frames } = await report();
    expect(frames.map(({ frame, windowUsed }: Record<string, number>) => [frame, windowUsed])).toEqual([
      [-1, 3],
      [0, 3],
      [1, 2],
    ]);
    const rest = await sequence('s.####.exr', '--window', '3', '--frames', '-2--1', ...where);
    expect(summary(rest)).toBe('1 denoised, 1 already done, 0 failed');
    expect((await readdir(at('out'))).sort()).toEqual([
      'c.-0001.exr',
      'c.-0002.exr',
      'c.0000.exr',
      'c.0001.exr',
    ]);
  });

  it('prints each warning once with its frames, and keeps all of them whole in the report', async () => {
    for (const n of [1, 2, 3]) await put(`s.000${n}.exr`, frame(n, ['Combined.RGB']));
    const { stderr } = await sequence('s.####.exr', '--window', '3', ...where);
    expect(stderr.match(/^quietframe: warning missing-albedo: frames 1 to 3: /gm)).toHaveLength(1);
    expect(stderr.match(/warning optical-flow: /g)).toHaveLength(1);
    // Names are those of the files, not of the request.
    expect(stderr).toMatch(/warning optical-flow: frames 1 to 3: .* s\.0002\.exr: .*\(figures of frame 1\)/);
    const { frames, warnings } = await report();
    expect(frames[0].warnings).toContainEqual(
      expect.objectContaining({ code: 'missing-albedo', message: expect.stringMatching(/albedo/) }),
    );
    expect(warnings.map(({ code }: { code: string }) => code)).toContain('missing-albedo');
  });
});

it('tells files that are named almost like the pattern, but not its own results', async () => {
  await put('s.0001.exr', frame(1));
  for (const name of ['s.002.exr', 's.0003.EXR', 's.0004.exr.bak', 'other.exr']) await put(name, frame(2));
  await mkdir(at('out'));
  const { stderr, code } = await sequence('s.####.exr', '--window', '1');
  expect(code).toBe(0);
  expect(stderr).toContain('warning near-miss: 3 files are named almost like s.####.exr');
  expect(stderr).toContain('s.0003.EXR, s.0004.exr.bak, s.002.exr\n');
  expect((await report()).nearMisses).toEqual(['s.0003.EXR', 's.0004.exr.bak', 's.002.exr']);
  const none = await sequence('s.#####.exr', '--window', '1');
  expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('(almost: s.0001.exr, ')]);
  const own = await sequence('s.####.exr', '--window', '1', '-o', 's.####.clean.exr');
  expect(own.code).toBe(0);
  const again = await sequence('s.####.exr', '--window', '1', '-o', 's.####.clean.exr');
  expect([summary(again), again.stderr.includes('clean')]).toEqual([
    '0 denoised, 1 already done, 0 failed',
    false,
  ]);
});
