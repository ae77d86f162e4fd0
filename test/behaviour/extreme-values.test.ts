import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import type { SampleType } from '../../src/image/image.js';
import { blenderParts, exrFile, type Samples } from '../support/exr-files.js';
import { scatterOf } from '../support/random.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const [WIDTH, HEIGHT] = [48, 32];
const MAX_FLOAT = 2 ** 128 - 2 ** 104;
/** Without a textured albedo a constant stays constant. */
const FLAT = ['Combined.RGB'];

const albedo = (i: number): number => (i % WIDTH < 20 ? 0.1 : 0.8);
/** Contrasts of a texture and of rare bright pixels. */
const light = (channel: string, i: number): number =>
  albedo(i) * scatterOf(channel, i) ** 4 * (i % 37 === 0 ? 40 : 2);

function render(
  samples: Samples,
  passes = ['Combined.RGB', 'Denoising Albedo.RGB'],
  type: SampleType = 'float',
) {
  const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
  const parts = blenderParts('V', passes).map((part) => ({ ...part, window }));
  return exrFile(parts, (channel, i) => (channel.includes('Albedo') ? albedo(i) : samples(channel, i)), type);
}

async function denoised(
  exr: Uint8Array,
  request: Partial<DenoiseExrRequest> = {},
): Promise<Map<string, ArrayLike<number>>> {
  const result = await denoiseExr({ exr, ...request }, { pool, denoiser });
  const planes = readExr(result.exr).parts.flatMap((part) => [...part.planes.values()]);
  return new Map(planes.map(({ name, data }) => [name, data]));
}

const beauty = (planes: ReadonlyMap<string, ArrayLike<number>>): number[] =>
  ['R', 'G', 'B'].flatMap((c) => [...(planes.get(`V.Combined.${c}`) as Float32Array)]);

it.each([1, 3])(
  'makes nothing negative of what is not, and keeps the sum of lights, at lambda %d',
  async (lambda) => {
    const names = ['Combined_key', 'Combined_fill'];
    const group = (name: string, channel: string, i: number): number =>
      Math.fround(scatterOf(name, i) > 0.6 ? light(name + channel.at(-1), i) : 0);
    const exr = render(
      (channel, i) => {
        const own = names.find((name) => channel.includes(name));
        return own ? group(own, channel, i) : names.reduce((sum, name) => sum + group(name, channel, i), 0);
      },
      ['Combined.RGB', ...names.map((name) => `${name}.RGB`), 'Denoising Albedo.RGB'],
    );
    const planes = await denoised(exr, { aovs: 'all', lambda });
    for (const c of ['R', 'G', 'B']) {
      const [whole, ...parts] = ['Combined', ...names].map(
        (name) => planes.get(`V.${name}.${c}`) as Float32Array,
      );
      whole?.forEach((value, i) => {
        expect(value).toBeGreaterThanOrEqual(0);
        for (const part of parts) expect(part[i]).toBeGreaterThanOrEqual(0);
        const sum = parts.reduce((total, part) => total + (part[i] as number), 0);
        expect(Math.abs(sum - value)).toBeLessThan(1e-5 * (1 + value));
      });
    }
  },
);

describe('regions of infinity', () => {
  const isSun = (i: number): boolean => Math.hypot((i % WIDTH) - 30, Math.floor(i / WIDTH) - 12) < 4;

  it.each([
    ['half', 65504],
    ['float', MAX_FLOAT],
  ] as const)(
    'stay the brightest of %s channels, and do not light what is around them',
    async (type, largest) => {
      const around = beauty(
        await denoised(render((channel, i) => (isSun(i) ? 0.5 : light(channel, i)), undefined, type)),
      );
      const values = beauty(
        await denoised(
          render((channel, i) => (isSun(i) ? Number.POSITIVE_INFINITY : light(channel, i)), undefined, type),
        ),
      );
      values.forEach((value, i) => {
        if (isSun(i % (WIDTH * HEIGHT))) expect(value).toBe(largest);
        else expect(value).toBeLessThan(2 * Math.max(...around));
      });
    },
  );

  it('become neither dark nor bright where they are one pixel', async () => {
    const values = beauty(
      await denoised(render((_, i) => (i === 500 ? Number.POSITIVE_INFINITY : 0.5), FLAT)),
    );
    for (const value of values) expect(value).toBeCloseTo(0.5, 4);
  });
});

it('fills blocks of NaN from what is around them', async () => {
  const isBlock = (i: number): boolean =>
    i % WIDTH >= 20 && i % WIDTH < 30 && i >= 8 * WIDTH && i < 18 * WIDTH;
  const values = beauty(await denoised(render((_, i) => (isBlock(i) ? Number.NaN : 0.5), FLAT)));
  for (const value of values) expect(value).toBeCloseTo(0.5, 4);
});

it.each([1e20, 1e30, 3e38])('makes finite light of finite light up to %d', async (most) => {
  for (const samples of [
    (channel: string, i: number) => most * scatterOf(channel, i),
    (channel: string, i: number) => (scatterOf(channel, i) > 0.9 ? most : scatterOf(channel, i)),
    (channel: string, i: number) => (i % WIDTH > 20 ? most : scatterOf(channel, i)),
    (channel: string, i: number) => (scatterOf(channel, i) > 0.5 ? most : -most),
    () => most,
  ]) {
    const half = render((channel, i) => samples(`${channel}b`, i));
    const exr = render(samples);
    for (const request of [{}, { halves: [exr, half] as const }, { lambda: 5 }]) {
      expect(beauty(await denoised(exr, request)).every(Number.isFinite)).toBe(true);
    }
  }
});

it('is the same in any unit of light', async () => {
  const plain = beauty(await denoised(render(light)));
  const bright = beauty(await denoised(render((channel, i) => 2 ** 100 * light(channel, i))));
  const largest = Math.max(...plain);
  plain.forEach((value, i) => {
    expect(Math.abs((bright[i] as number) / 2 ** 100 - value)).toBeLessThan(1e-4 * largest);
  });
});

it('does not let a pixel far below zero darken what is around it', async () => {
  const values = beauty(await denoised(render((_, i) => (i === 700 ? -50 : 0.5), FLAT)));
  for (const value of values) expect(value).toBeCloseTo(0.5, 4);
});

it('makes grey of grey, whatever the albedo', async () => {
  const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
  const parts = blenderParts('V', ['Combined.RGB', 'Denoising Albedo.RGB']).map((part) => ({
    ...part,
    window,
  }));
  const exr = exrFile(parts, (channel, i) =>
    channel.includes('Albedo') ? scatterOf(channel, i >> 2) : scatterOf('grey', i) * 2,
  );
  const planes = await denoised(exr);
  for (const c of ['G', 'B']) expect(planes.get(`V.Combined.${c}`)).toEqual(planes.get('V.Combined.R'));
});
