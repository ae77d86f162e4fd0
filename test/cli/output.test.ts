import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parameterOption, parseInteger } from '../../src/cli/options.js';
import { readExr } from '../../src/exr/read-exr.js';
import { blenderParts, exrFile } from '../support/exr-files.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const MODELS = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));
let folder: string;
const at = (name: string): string => join(folder, name);

interface Outcome {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

function quietframe(...args: readonly string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, QUIETFRAME_MODELS: MODELS, QUIETFRAME_THREADS: '1' };
    const options = { cwd: folder, env, encoding: 'buffer' as const };
    const child = execFile(process.execPath, [MAIN, ...args], options, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr: stderr.toString() });
    });
  });
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-output-'));
  const opacity = [1, 0.5, 0];
  await writeFile(
    at('in.exr'),
    exrFile(blenderParts('V', ['Combined.RGBA']), (channel, i) => {
      const alpha = opacity[i % 3] as number;
      return channel.endsWith('A') ? alpha : 0.5 * alpha;
    }),
  );
  await writeFile(at('s.0001.exr'), await readFile(at('in.exr')));
  await writeFile(
    at('opaque.exr'),
    exrFile(blenderParts('V', ['Combined.RGBA']), (channel) => (channel.endsWith('A') ? 1 : 0.5)),
  );
});
afterAll(() => rm(folder, { recursive: true }));

describe('the output of denoise', () => {
  it('is OpenEXR on standard output, and nothing else, for -', async () => {
    const { code, stdout, stderr } = await quietframe('denoise', 'in.exr', '-o', '-');
    expect(code).toBe(0);
    await quietframe('denoise', 'in.exr', '-o', 'file.exr');
    expect(stdout.equals(await readFile(at('file.exr')))).toBe(true);
    expect(readExr(stdout).parts).toHaveLength(1);
    expect(stderr).toMatch(/^-: 8 x 6, cycles/m);
    expect(await readdir(folder)).not.toContain('-');
  });

  it('is a tone-mapped picture with straight alpha for .png, in any case', async () => {
    const { code } = await quietframe('denoise', 'in.exr', '-o', 'out.PNG', '--alpha', 'copy');
    expect(code).toBe(0);
    const bytes = await readFile(at('out.PNG'));
    // Bit depth and colour type stand in the header: 8-bit RGBA.
    expect([...bytes.subarray(24, 26)]).toEqual([8, 6]);
    const { width, height, data } = PNG.sync.read(bytes);
    expect([width, height]).toEqual([8, 6]);
    const alpha = [0, 1, 2].map((i) => data[4 * i + 3]);
    expect(alpha).toEqual([255, 128, 0]);
  });

  it('is a picture without alpha where all is opaque', async () => {
    await quietframe('denoise', 'opaque.exr', '-o', 'opaque.png');
    expect([...(await readFile(at('opaque.png'))).subarray(24, 26)]).toEqual([8, 2]);
  });

  it('may be a device', async () => {
    expect((await quietframe('denoise', 'in.exr', '-o', '/dev/null')).code).toBe(0);
  });

  it.each([
    ['out.jpg', []],
    ['out.exr.gz', []],
    ['out', []],
    ['.exr', []],
    ['out.png', ['--outputs', 'color,fireflies']],
    ['out.png', ['--aovs', 'all']],
  ])('is refused as %s with %j before any work', async (output, args) => {
    const { code, stdout, stderr } = await quietframe('denoise', 'in.exr', '-o', output, ...args);
    expect([code, stdout.length]).toEqual([2, 0]);
    expect(stderr).toMatch(/^quietframe: Expected \.(exr|png).* for --output but received /);
    expect(await readdir(folder)).not.toContain(output);
  });

  it('is not on standard output together with the report', async () => {
    const { code, stderr } = await quietframe('denoise', 'in.exr', '-o', '-', '--report', '-');
    expect([code, stderr]).toEqual([2, expect.stringContaining('--report')]);
  });
});

it.each([
  ['sample-map', ['sample-map', 'in.exr', '-o', 'map.png', '--budget', '4'], '.exr'],
  ['sequence', ['sequence', 'in.####.exr', '-o', 'out.####.jpg'], '.exr or .png'],
])('%s refuses other suffixes', async (_, args, suffixes) => {
  const { code, stderr } = await quietframe(...args);
  expect([code, stderr]).toEqual([2, expect.stringContaining(`Expected ${suffixes} as the suffix`)]);
});

describe('numbers of the command line', () => {
  const denoise = ['denoise', 'in.exr', '-o', 'x.exr'];
  it.each(['', '0x2', '1e999', ' 1', '1,5', 'NaN', 'Infinity', '+1'])('%j is none', (text) => {
    const refused = expect.objectContaining({ code: 'invalid-argument' });
    expect(() => parseInteger(text, '--n', 0, 1e6)).toThrow(refused);
    for (const name of ['lambda', 'strength', 'spp', 'min'] as const)
      expect(() => parameterOption(name).parseArg?.(text, undefined)).toThrow(refused);
  });

  it.each([
    [[...denoise, '--strength', '0x2'], '--strength'],
    [[...denoise, '--upscale', ' 2'], '--upscale'],
    [[...denoise, '--threads', '0x1'], '--threads'],
    [[...denoise, '--spp', ''], '--spp'],
    [['sample-map', 'in.exr', '-o', 'x.exr', '--budget', '1e999'], '--budget'],
    [['sample-map', 'in.exr', '-o', 'x.exr', '--budget', '1', '--tile', '0x4'], '--tile'],
    [['serve', '--port', '0x50'], '--port'],
  ])('%j are refused', async (args, flag) => {
    const { code, stderr } = await quietframe(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(`for ${flag} but received`)]);
  });

  it('may have exponents', async () => {
    const { code, stderr } = await quietframe(
      ...denoise,
      '--lambda',
      '20E-1',
      '--spp',
      '2.5e1',
      '--threads',
      '1e0',
    );
    expect([code, stderr.includes('Expected')]).toEqual([0, false]);
  });
});

it('reads with the encoder that is chosen, and says what is missing for it', async () => {
  const args = ['denoise', 'in.exr', '-o', 'x.exr', '--report', '-'];
  const { stdout } = await quietframe(...args, '--encoder', 'color');
  expect(JSON.parse(stdout.toString())).toMatchObject({ encoder: 'color' });
  const cycles = await quietframe(...args, '--encoder', 'cycles');
  expect([cycles.code, cycles.stderr]).toEqual([
    1,
    expect.stringContaining('for encoder=cycles in the frame'),
  ]);
  const none = await quietframe(...args, '--encoder', 'arnold');
  expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('for encoder but received "arnold"')]);
  const shot = await quietframe(...['sequence', 's.####.exr', '-o', 'c.####.exr', '--encoder', 'arnold']);
  expect([shot.code, shot.stderr]).toEqual([1, expect.stringContaining('for encoder but received "arnold"')]);
});

it.each([['--threads'], ['--device'], ['--engine']])(
  '%s has no effect on services and is refused',
  async (flag) => {
    const value = { '--threads': '1', '--device': 'cpu', '--engine': 'onnx' }[flag] as string;
    await writeFile(at('s.0001.exr'), await readFile(at('in.exr')));
    const { code, stderr } = await quietframe(
      ...['sequence', 's.####.exr', '-o', 'c.####.exr', '--server', 'http://127.0.0.1:1', flag, value],
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining(`nothing with --server for ${flag}`)]);
  },
);
