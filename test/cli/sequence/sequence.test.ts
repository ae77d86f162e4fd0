import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeApp, listen } from '../../server/support.js';
import { blenderParts, exrFile } from '../../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../../dist/cli/main.js', import.meta.url));
const MODELS = fileURLToPath(new URL('../../golden/tiny-bundle', import.meta.url));
const folders: string[] = [];
let folder: string;
const at = (name: string): string => join(folder, name);
afterAll(async () => {
  for (const each of folders) await rm(each, { recursive: true });
});

const frame = (n: number): Uint8Array =>
  exrFile(blenderParts('V', ['Combined.RGB', 'Vector.XYZW']), (channel, i) =>
    channel.includes('Vector') ? 0 : 0.5 + 0.3 * Math.sin(i * i + n),
  );
const plain = (n: number): Uint8Array => exrFile([{ layers: ['RGB'] }], (_, i) => n + i / 48);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-sequence-'));
  folders.push(folder);
});

async function put(frames: readonly number[], make: (n: number) => Uint8Array): Promise<void> {
  for (const n of frames) {
    const path = at(`in.${String(n).padStart(4, '0')}.exr`);
    await writeFile(path, make(n));
    // Well before whatever is made of it.
    await utimes(path, 1e9, 1e9);
  }
}

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const sequence = (...args: readonly string[]): Promise<Outcome> =>
  run('in.####.exr', '-o', 'out.#.exr', ...args);

function run(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = {
      cwd: folder,
      env: { ...process.env, QUIETFRAME_MODELS: MODELS, QUIETFRAME_THREADS: '1' },
    };
    const child = execFile(process.execPath, [MAIN, 'sequence', ...args], options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, stdout, stderr }),
    );
  });
}

const summary = ({ stdout }: Outcome): string =>
  /\d+ denoised, \d+ already done, \d+ failed/.exec(stdout)?.[0] ?? stdout;
const report = async () => JSON.parse(await readFile(at('report.json'), 'utf8'));

describe('here', () => {
  it('makes a file of each frame, then only what is missing, old or of another request', async () => {
    await put([1, 2, 3, 5], frame);
    const first = await sequence('--window', '3', '--report', 'report.json');
    expect([first.code, summary(first)]).toEqual([0, '4 denoised, 0 already done, 0 failed']);
    expect((await readdir(folder)).filter((name) => name.startsWith('out.'))).toHaveLength(4);
    const { frames, flicker } = await report();
    expect(frames.map(({ frame, status }: { frame: number; status: string }) => [frame, status])).toEqual(
      [1, 2, 3, 5].map((n) => [n, 'denoised']),
    );
    expect(frames[0]).toMatchObject({ device: 'cpu', denoiser: 'local', windowUsed: expect.any(Number) });
    const flickers = frames.map((each: { flicker?: number }) => each.flicker !== undefined);
    expect(flickers).toEqual([false, true, true, false]);
    expect(flicker).toBeGreaterThan(0);

    const made = (await stat(at('out.2.exr'))).mtimeMs;
    const second = await sequence('--window', '3');
    expect(summary(second)).toBe('0 denoised, 4 already done, 0 failed');
    expect((await stat(at('out.2.exr'))).mtimeMs).toBe(made);

    await rm(at('out.5.exr'));
    const later = new Date(Date.now() + 10_000);
    await utimes(at('in.0001.exr'), later, later);
    // Frame 5 is missing; the first is in the windows of 1 and 2.
    expect(summary(await sequence('--window', '3'))).toBe('3 denoised, 1 already done, 0 failed');
  });

  it('takes a map of lambda and components, decodes each file once, and knows what it has done', async () => {
    const passes = [
      'Combined.RGB',
      'Vector.XYZW',
      'Diffuse Direct.RGB',
      'Diffuse Indirect.RGB',
      'Diffuse Color.RGB',
    ];
    await put([1, 2, 3], (n) =>
      exrFile(blenderParts('V', passes), (channel, i) =>
        channel.includes('Vector')
          ? 0
          : (channel.includes('Combined') ? 0.6 : 0.3) + 0.1 * Math.sin(i * i + n),
      ),
    );
    await writeFile(
      at('slope.exr'),
      exrFile([{ layers: ['Y'] }], (_, i) => 1 + (i % 5)),
    );
    const flags = [
      '--window',
      '3',
      '--lambda',
      'slope.exr',
      '--components',
      'split',
      '--report',
      'report.json',
    ];
    expect(summary(await sequence(...flags))).toBe('3 denoised, 0 already done, 0 failed');
    const { frames } = await report();
    expect(frames.map(({ windowUsed }: { windowUsed: number }) => windowUsed)).toEqual([2, 3, 2]);
    expect(frames.map(({ decoded }: { decoded: number }) => decoded)).toEqual([2, 1, 0]);
    // Each is there as irradiance, albedo and the rest, as features and after its own kernels.
    expect(frames.map(({ features }: { features: number }) => features)).toEqual([12, 6, 0]);
    expect(frames[1]).toMatchObject({ motion: 'vectors', components: 'split', flicker: expect.any(Number) });
    expect(summary(await sequence(...flags))).toBe('0 denoised, 3 already done, 0 failed');
    expect(summary(await sequence('--window', '3', '--lambda', 'slope.exr'))).toBe(
      '3 denoised, 0 already done, 0 failed',
    );
  });

  it('makes the frames of a range alone, from windows that reach beyond it', async () => {
    await put([1, 2, 3, 5], frame);
    const ranged = await sequence('--window', '3', '--frames', '2-3');
    expect([ranged.code, summary(ranged)]).toEqual([0, '2 denoised, 0 already done, 0 failed']);
    expect((await readdir(folder)).filter((name) => name.startsWith('out.'))).toEqual([
      'out.2.exr',
      'out.3.exr',
    ]);
    // Their windows were those of the whole shot: another process has nothing to do again.
    const rest = await sequence('--window', '3');
    expect(summary(rest)).toBe('2 denoised, 2 already done, 0 failed');
  });

  it('makes the frames of a list and of a chunk, and names those that are not there', async () => {
    await put([1, 2, 3, 5], plain);
    const listed = await sequence('--window', '1', '--frames', '3,1-7x4,9', '--report', 'report.json');
    expect([listed.code, summary(listed)]).toEqual([0, '3 denoised, 0 already done, 0 failed']);
    expect(listed.stderr).toContain('warning missing-frames: The frame 9 of --frames is not there');
    expect((await report()).missing).toEqual([9]);
    const chunk = await sequence('--window', '1', '--frames', '1-3', '--chunk', '2/3');
    expect([chunk.code, summary(chunk)]).toEqual([0, '1 denoised, 0 already done, 0 failed']);
    const none = await sequence('--window', '1', '--frames', '1-3', '--chunk', '1/9');
    expect([none.code, summary(none)]).toEqual([0, '0 denoised, 0 already done, 0 failed']);
  });

  it('prints the lines of Open Job Description when asked, and inside its sessions', async () => {
    await put([1, 2], plain);
    const asked = await sequence('--window', '1', '--progress', 'openjd');
    const lines = asked.stdout.split('\n').filter((line) => line.startsWith('openjd_'));
    expect(lines.map((line) => line.replace(/, .* left/, ''))).toEqual([
      ...['openjd_status: 0 of 2 frames denoised', 'openjd_progress: 0.0'],
      ...['openjd_status: 1 of 2 frames denoised', 'openjd_progress: 50.0'],
      ...['openjd_status: 2 of 2 frames denoised', 'openjd_progress: 100.0'],
    ]);
    vi.stubEnv('OPENJD_SESSION_WORKING_DIR', folder);
    const failed = await sequence('--frames', '9');
    vi.unstubAllEnvs();
    expect(failed.code).toBe(1);
    expect(failed.stdout).toBe(
      'openjd_fail: Expected numbers of frames that exist for --frames but received "9"\n',
    );
  });

  it('reads and writes the paddings of other programs', async () => {
    await put([1, 2], plain);
    const { code } = await run('in.*.exr', '-o', 'clean.%03d.exr', '--window', '1');
    expect(code).toBe(0);
    expect((await readdir(folder)).filter((name) => name.startsWith('clean'))).toEqual([
      'clean.001.exr',
      'clean.002.exr',
    ]);
  });

  it.each(['1-2x0', 'a-b', '1,,2'])('refuses the range %s', async (range) => {
    await put([1, 2], plain);
    const { code, stderr } = await sequence('--frames', range);
    expect(code).toBe(2);
    expect(stderr).toContain('--frames');
  });

  it('does all again for another window, another version, or when forced', async () => {
    await put([1, 2], frame);
    await sequence();
    expect(summary(await sequence('--window', '1'))).toBe('2 denoised, 0 already done, 0 failed');
    expect(summary(await sequence('--window', '1', '--alpha', 'denoise'))).toBe(
      '2 denoised, 0 already done, 0 failed',
    );
    expect(summary(await sequence('--window', '1', '--alpha', 'denoise', '--force'))).toBe(
      '2 denoised, 0 already done, 0 failed',
    );
    await writeFile(at('out.1.exr'), await readFile(at('in.0001.exr')));
    await writeFile(at('out.2.exr'), 'not a picture');
    expect(summary(await sequence('--window', '1', '--alpha', 'denoise'))).toBe(
      '2 denoised, 0 already done, 0 failed',
    );
  });

  it('tells on an interrupt how far it came, exits with 130, and goes on when run again', async () => {
    const frames = Array.from({ length: 40 }, (_, i) => i + 1);
    await put(frames, plain);
    const child = spawn(process.execPath, [MAIN, 'sequence', 'in.####.exr', '-o', 'out.#.exr'], {
      cwd: folder,
      env: { ...process.env, QUIETFRAME_MODELS: MODELS, QUIETFRAME_THREADS: '1' },
    });
    child.stdout.once('data', () => child.kill('SIGINT'));
    let told = '';
    child.stderr.on('data', (text) => {
      told += text;
    });
    const [code] = await once(child, 'close');
    expect(code).toBe(130);
    const done = Number(/quietframe: (\d+) of 40 done, run again to go on\n$/.exec(told)?.[1]);
    expect(done).toBeGreaterThan(0);
    expect(summary(await sequence())).toBe(`${40 - done} denoised, ${done} already done, 0 failed`);
  });

  it('goes on after a bad frame, without it in the windows of others, and names it', async () => {
    await put([1, 2, 3], frame);
    await writeFile(at('in.0002.exr'), 'not a picture');
    const outcome = await sequence('--report', 'report.json');
    expect([outcome.code, summary(outcome)]).toEqual([1, '2 denoised, 0 already done, 1 failed']);
    expect(outcome.stderr).toContain('in.0002.exr: Expected');
    expect(outcome.stderr).toMatch(/failures of 2/);
    expect((await readdir(folder)).sort()).toEqual(
      ['in.0001.exr', 'in.0002.exr', 'in.0003.exr', 'out.1.exr', 'out.3.exr', 'report.json'].sort(),
    );
    expect((await report()).frames[1]).toMatchObject({
      status: 'failed',
      error: expect.stringContaining('20000630'),
    });
  });

  it.each([
    ['an even window', ['--window', '4']],
    ['a server that is no URL', ['--server', 'localhost']],
    ['an output without #', ['-o', 'out.exr']],
    ['an output without a number of digits', ['-o', 'out.*.exr']],
    ['the input as output', ['-o', 'in.####.exr']],
  ])('exits with 2 for %s', async (_, args) => {
    await put([1], frame);
    const { code, stderr } = await sequence(...args);
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^quietframe: [^\n]+\n$/)]);
  });
});

describe('frames that are not there yet', () => {
  it.each([
    ['no file', [], []],
    ['none of the range', [1], ['--frames', '5-6']],
  ])('exit with 1, for they may be there the next time: %s', async (_, frames, args) => {
    await put(frames, frame);
    const { code, stderr } = await sequence(...args);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^quietframe: [^\n]+\n$/)]);
  });

  it('exit with 1 where their folder is missing', async () => {
    const args = [MAIN, 'sequence', 'none/in.#.exr', '-o', 'out.#.exr'];
    const code = await new Promise<number | null>((resolve) => {
      const child = execFile(process.execPath, args, { cwd: folder }, () => resolve(child.exitCode));
    });
    expect(code).toBe(1);
  });
});

describe('on services', () => {
  it('shares the frames, and survives the loss of a service', async () => {
    await put([1, 2, 3, 4, 5, 6], plain);
    const good = await fakeApp();
    const url = `http://127.0.0.1:${await listen(good.app)}`;
    const outcome = await sequence('--server', `${url},http://127.0.0.1:1`, '--report', 'report.json');
    expect([outcome.code, summary(outcome)]).toEqual([0, '6 denoised, 0 already done, 0 failed']);
    expect(outcome.stderr).toContain('http://127.0.0.1:1 does not answer');
    const { frames } = await report();
    expect(frames.every(({ denoiser }: { denoiser: string }) => denoiser === url)).toBe(true);
    const centers = good.service.requests.map(({ neighbors }) => neighbors?.map(({ offset }) => offset));
    expect(centers).toContainEqual([1, 2, 3]);
    expect(centers).toContainEqual([-3, -2, -1]);
  });

  it('uses all of them', async () => {
    await put([1, 2, 3, 4, 5, 6, 7, 8], plain);
    const apps = [await fakeApp(), await fakeApp()];
    const urls = await Promise.all(apps.map(async ({ app }) => `http://127.0.0.1:${await listen(app)}`));
    expect(summary(await sequence('--server', urls.join(',')))).toBe('8 denoised, 0 already done, 0 failed');
    expect(apps.every(({ service }) => service.requests.length > 0)).toBe(true);
  });

  it('fails all frames when none is left', async () => {
    await put([1, 2], plain);
    const outcome = await sequence('--server', 'http://127.0.0.1:1');
    expect([outcome.code, summary(outcome)]).toEqual([1, '0 denoised, 0 already done, 2 failed']);
    expect(outcome.stderr).toContain('No service is left');
  });
});
