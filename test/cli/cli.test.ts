import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { access, constants, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
let folder: string;
const at = (name: string): string => join(folder, name);

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command line in the folder. */
function quietframe(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, ...env } };
    const child = execFile(process.execPath, [MAIN, ...args], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr });
    });
  });
}

const PASSES = ['Combined.RGBA', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ', 'Depth.Z'];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-cli-'));
  const noise = (channel: string, i: number): number => {
    if (channel.includes('Normal')) return channel.endsWith('Z') ? 1 : 0;
    return 0.5 + 0.3 * Math.sin(i * i + channel.length);
  };
  await writeFile(at('in.exr'), exrFile(blenderParts('V', PASSES), noise));
  await writeFile(
    at('half-b.exr'),
    exrFile(blenderParts('V', PASSES), (channel, i) => noise(channel, i + 3)),
  );
  await writeFile(
    at('depth.exr'),
    exrFile([{ layers: ['Z'] }], () => 1),
  );
  await writeFile(at('text.exr'), 'not a picture');
});
afterAll(() => rm(folder, { recursive: true }));

describe('usage', () => {
  it('is an executable whose help fits a screen', async () => {
    await access(MAIN, constants.X_OK);
    const { code, stdout } = await quietframe(['--help']);
    expect(code).toBe(0);
    expect(stdout.split('\n').length).toBeLessThanOrEqual(24);
    for (const command of ['denoise', 'sequence', 'inspect', 'compare', 'serve'])
      expect(stdout).toContain(command);
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
    expect(await quietframe(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it.each([
    ['an unknown option', ['denoise', 'in.exr', '-o', 'x.exr', '--sparkle'], '--sparkle'],
    ['an unknown command', ['polish'], 'polish'],
    ['no output', ['denoise', 'in.exr'], '--output'],
    ['no input', ['inspect'], 'in.exr'],
    [
      'a lambda that is no number',
      ['denoise', 'in.exr', '-o', 'x.exr', '--lambda', 'much'],
      'received "much"',
    ],
    ['an empty lambda', ['denoise', 'in.exr', '-o', 'x.exr', '--lambda', ''], '[1, 10]'],
    ['a lambda out of range', ['denoise', 'in.exr', '-o', 'x.exr', '--lambda', '10.5'], '[1, 10]'],
    ['components that there are not', ['denoise', 'in.exr', '-o', 'x.exr', '--components', 'all'], 'split'],
    ['an unknown source', ['inspect', 'in.exr', '--source', 'etch'], 'etch'],
    ['an unknown alpha', ['denoise', 'in.exr', '-o', 'x.exr', '--alpha', 'beta'], 'beta'],
    ['a factor out of range', ['denoise', 'in.exr', '-o', 'x.exr', '--upscale', '5'], '[1, 4]'],
    ['a blur that is none', ['denoise', 'in.exr', '-o', 'x.exr', '--deblur', 'much'], '[0.3, 4]'],
    ['a guide without a factor', ['denoise', 'in.exr', '-o', 'x.exr', '--guide', 'in.exr'], 'upscale'],
    ['no threads', ['denoise', 'in.exr', '-o', 'x.exr', '--threads', '0'], '--threads'],
    ['a role without a layer', ['inspect', 'in.exr', '--layer', 'albedo'], 'role=layer'],
    ['an unknown role', ['inspect', 'in.exr', '--layer', 'shine=x'], 'shine'],
    ['a port out of range', ['serve', '--port', '65536'], '--port'],
    ['the input as output', ['denoise', 'in.exr', '-o', './in.exr'], '--overwrite-input'],
  ])('exits with 2 and one line for %s', async (_, args, named) => {
    const { code, stdout, stderr } = await quietframe(args);
    expect(code).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^quietframe: [^\n]+\n$/);
    expect(stderr).toContain(named);
  });

  it.each([
    [['polish'], 'for the command but received "polish"'],
    [['compar', 'a', 'b'], 'received "compar" (did you mean compare?)'],
    [
      ['inspect', '--jsn'],
      'Expected an option for quietframe inspect but received "--jsn" (did you mean --json?)',
    ],
    [['denoise', 'in.exr'], 'Expected <out.exr> for --output but received nothing'],
    [['denoise', 'in.exr', '--lambda'], 'Expected <number|map.exr> for --lambda but received nothing'],
    [['inspect'], 'Expected a value for in.exr but received nothing'],
    [['inspect', 'a', 'b'], 'Expected 1 argument for quietframe inspect but received 2'],
    [['inspect', 'a', '--source', 'etch'], 'for --source but received "etch"'],
    [['completion', 'tcsh'], 'Expected one of bash, zsh, fish for the shell but received "tcsh"'],
  ])('says what it expected of %j', async (args, sentence) => {
    const { code, stderr } = await quietframe(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^quietframe: Expected .+ for .+ but received .+\n$/);
    expect(stderr).toContain(sentence);
  });

  it('shows how it is used when no command is given', async () => {
    const { code, stderr } = await quietframe([]);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: quietframe');
  });

  it('names the flag for another port where one is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, stderr } = await quietframe(['serve', '--host', '127.0.0.1', '--port', String(port)]);
    other.close();
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining(`Port ${port} of 127.0.0.1 is taken: use --port`),
    ]);
  });

  it('names a setting that is wrong', async () => {
    const { code, stderr } = await quietframe(['inspect', 'in.exr'], { QUIETFRAME_MAX_PIXELS: 'many' });
    expect(code).toBe(2);
    expect(stderr).toContain('QUIETFRAME_MAX_PIXELS');
  });
});

describe('failures', () => {
  it.each([
    ['a file that is missing', ['inspect', 'nothing.exr'], 'nothing.exr cannot be read: it does not exist'],
    ['a folder', ['inspect', '.'], 'it is a folder'],
    ['a file that is no OpenEXR', ['denoise', 'text.exr', '-o', 'x.exr'], 'text.exr: Expected'],
    [
      'a second half that is no OpenEXR',
      ['denoise', 'in.exr', '--half-b', 'text.exr', '-o', 'x.exr'],
      'text.exr: Expected',
    ],
    ['a file without colour', ['denoise', 'depth.exr', '-o', 'x.exr'], 'colour'],
    ['a layer that is not there', ['inspect', 'in.exr', '--layer', 'normal=Bump'], 'Bump'],
    ['pictures of other kinds', ['compare', 'in.exr', 'depth.exr'], 'colour'],
    ['a model that is not there', ['denoise', 'in.exr', '-o', 'x.exr', '--model', 'oracle'], 'oracle'],
    ['a folder that is not there', ['denoise', 'in.exr', '-o', 'no/x.exr'], 'no/x.exr'],
  ])('exits with 1 and one line for %s', async (_, args, named) => {
    const { code, stdout, stderr } = await quietframe(args);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.split('\n').filter((line) => !line.startsWith('quietframe: warning'))).toEqual([
      expect.stringMatching(/^quietframe: /),
      '',
    ]);
    expect(stderr).toContain(named);
    expect(stderr).not.toMatch(/\bat .*:\d+:\d+/);
    expect(await readdir(folder)).not.toContain('x.exr');
  });

  it('refuses a file over the limit before its pixels', async () => {
    const { code, stderr } = await quietframe(['inspect', 'in.exr'], { QUIETFRAME_MAX_PIXELS: '47' });
    expect(code).toBe(1);
    expect(stderr).toContain('at most 47');
  });
});

describe('denoise', () => {
  it('writes the result and a report, and leaves no other file', async () => {
    const files = ['--half-b', 'half-b.exr', '-o', 'out.exr', '--report', 'report.json'];
    const args = ['denoise', 'in.exr', ...files, '--alpha', 'copy'];
    const before = await readdir(folder);
    const { code, stdout } = await quietframe(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^out\.exr: 8 x 6, cycles, kpcn@\d+, [\d.]+ s on cpu\n$/);
    expect((await readdir(folder)).sort()).toEqual([...before, 'out.exr', 'report.json'].sort());
    const report = JSON.parse(await readFile(at('report.json'), 'utf8'));
    expect(report).toMatchObject({ varianceOrigin: 'half-buffers', lambda: 1, input: { source: 'cycles' } });
    const [noisy, clean] = [readExr(await readFile(at('in.exr'))), readExr(await readFile(at('out.exr')))];
    const planes = (image: typeof noisy) => image.parts.flatMap((part) => [...part.planes.values()]);
    const changed = planes(clean).filter(
      (plane, i) => Buffer.compare(bytesOf(plane), bytesOf(planes(noisy)[i])) !== 0,
    );
    expect(changed.map((plane) => plane.name)).toEqual(['V.Combined.B', 'V.Combined.G', 'V.Combined.R']);
    expect(changed.every((plane) => plane.data.every(Number.isFinite))).toBe(true);
  });

  it('writes the report alone to standard output', async () => {
    const { code, stdout } = await quietframe(['denoise', 'in.exr', '-o', 'again.exr', '--report', '-']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ model: 'kpcn', varianceOrigin: 'estimated' });
  });

  it('previews, magnifies and tells the parameters', async () => {
    const args = [
      'denoise',
      'in.exr',
      '-o',
      'large.exr',
      '--model',
      'pkn',
      '--upscale',
      '2',
      '--outputs',
      'color,parameters',
    ];
    const { code, stdout } = await quietframe(args);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^large\.exr: 16 x 12, cycles, pkn@\d+, [\d.]+ s on cpu\n$/);
    const { parts } = readExr(await readFile(at('large.exr')));
    expect(parts[0]?.dataWindow).toEqual({ xMin: 0, yMin: 0, xMax: 15, yMax: 11 });
    expect([...(parts[0]?.planes.keys() ?? [])]).toContain('parameters.rbf-upsample.sigma1');
  });

  it('writes over its input when asked to', async () => {
    await writeFile(at('same.exr'), await readFile(at('in.exr')));
    const { code } = await quietframe(['denoise', 'same.exr', '-o', 'same.exr', '--overwrite-input']);
    expect(code).toBe(0);
    expect(Buffer.compare(await readFile(at('same.exr')), await readFile(at('in.exr')))).not.toBe(0);
  });

  function bytesOf(plane: { readonly data: ArrayBufferView } | undefined): Buffer {
    const { buffer, byteOffset, byteLength } = plane?.data ?? new Uint8Array();
    return Buffer.from(buffer, byteOffset, byteLength);
  }
});

describe('inspect and compare', () => {
  it('says what each channel is used as', async () => {
    const { code, stdout } = await quietframe(['inspect', 'in.exr']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^for a better result from \w+:\n(?: {2}\w+ +\S.*\n)*$/m);
    expect(stdout).toMatch(/^8 x 6, cycles, colour variance: estimated\n/);
    expect(stdout).toMatch(/V\.Denoising Normal\.X +float +normal\n/);
    const json = JSON.parse(
      (await quietframe(['inspect', 'in.exr', '--json', '--source', 'generic'])).stdout,
    );
    expect(json).toMatchObject({ source: 'generic', width: 8, height: 6 });
  });

  it('does not pass control characters of names to the terminal', async () => {
    await writeFile(
      at('steer.exr'),
      exrFile([{ layers: ['RGB', 'evil\u001b[2J\n.Q'] }], () => 1),
    );
    const { stdout } = await quietframe(['inspect', 'steer.exr']);
    expect(stdout).toContain('evil?[2J?.Q');
  });

  it('measures a picture against itself as 0', async () => {
    const { code, stdout } = await quietframe(['compare', 'in.exr', 'in.exr', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ smape: 0, relativeMse: 0, width: 8, height: 6 });
    expect((await quietframe(['compare', 'in.exr', 'half-b.exr'])).stdout).toMatch(
      /^SMAPE {2}0\.\d+\nrelMSE \d+\.\d+\nDSSIM {2}0\.\d+\n$/,
    );
  });

  it('measures how much the seeds of a still frame differ', async () => {
    for (const seed of [1, 2, 3]) {
      await writeFile(
        at(`seed.${seed}.exr`),
        exrFile([{ layers: ['RGB'] }], () => (seed === 3 ? 0.5 : 1)),
      );
    }
    const { code, stdout } = await quietframe(['compare', 'seed.#.exr', '--seeds', '--json']);
    expect(code).toBe(0);
    // Equation 2 of 0.5 against 1, in one of two pairs.
    const { frames, smape, dssim, dssimDeviation } = JSON.parse(stdout);
    expect(frames).toBe(3);
    expect(smape).toBeCloseTo(0.5 / 1.51 / 2, 6);
    expect(dssim).toBeGreaterThan(0);
    expect(dssimDeviation).toBeCloseTo(dssim, 6);
    expect((await quietframe(['compare', 'seed.#.exr', '--seeds'])).stdout).toMatch(
      /^SMAPE {2}0\.\d+\nrelMSE 0\.\d+\nDSSIM {2}0\.\d+\n$/,
    );
    const errors = [
      [['seed.#.exr', 'in.exr', '--seeds'], 'Expected nothing with --seeds for <ref.exr>'],
      [['in.exr'], 'Expected a value for <ref.exr>'],
      [['one.#.exr', '--seeds'], 'Expected at least two frames for <a.exr>'],
    ] as const;
    for (const [args, message] of errors) {
      const { code: failed, stderr } = await quietframe(['compare', ...args]);
      expect(failed).not.toBe(0);
      expect(stderr).toContain(message);
    }
  });

  it('measures a shot, with its flicker', async () => {
    const flat = (value: number): Uint8Array => exrFile([{ layers: ['RGB'] }], () => value);
    for (const [name, value] of [
      ['a.1', 1],
      ['a.2', 0.5],
      ['a.4', 1],
      ['a.5', 1],
      ...[1, 2, 4].map((n) => [`ref.${n}`, 1] as const),
    ] as const) {
      await writeFile(at(`${name}.exr`), flat(value));
    }
    const { code, stdout } = await quietframe(['compare', 'a.#.exr', 'ref.#.exr', '--json']);
    expect(code).toBe(0);
    // Equation 2 of 0.5 against 1, in one of three frames; frame 5 has no reference, and 4 no frame before it.
    const error = 0.5 / 1.51;
    const shot = JSON.parse(stdout);
    expect(shot.smape).toBeCloseTo(error / 3, 6);
    expect(shot.flicker).toBeGreaterThan(0.1);
    expect(shot.frames.map(({ frame }: { frame: number }) => frame)).toEqual([1, 2, 4]);
    expect(shot.frames.map((each: { flicker?: number }) => each.flicker !== undefined)).toEqual([
      false,
      true,
      false,
    ]);
    expect((await quietframe(['compare', 'a.#.exr', 'ref.#.exr'])).stdout).toMatch(
      /^SMAPE {3}0\.\d+\nrelMSE {2}0\.\d+\nDSSIM {3}0\.\d+\nflicker 0\.\d+\n$/,
    );
    const none = await quietframe(['compare', 'a.#.exr', 'none.#.exr']);
    expect([none.code, none.stderr]).toEqual([
      1,
      'quietframe: Expected a frame with the number of one of the shot for <ref.exr> but received "none.#.exr"\n',
    ]);
  });
});
