import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { readExr } from '../../../src/exr/read-exr.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import { wrapOfShot } from '../../../src/files/denoise-file/shot-wrap.js';
import type { DenoiseExrRequest } from '../../../src/files/denoise-file/types.js';
import { unwrapLayers } from '../../../src/files/denoise-file/wrap.js';
import { inspectExr } from '../../../src/files/inspect-exr.js';
import { looksLikePanorama } from '../../../src/frame/panorama.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { exrFile } from '../../support/exr-files.js';
import { scatter } from '../../support/random.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../../golden/tiny-bundle', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const [WIDTH, HEIGHT] = [192, 96];

const stubReport = {
  model: 'stub',
  version: 1,
  encoder: 'color',
  device: 'cpu',
  executionProvider: 'cpu',
  simd: 'plain',
  exposure: 1,
  lambda: 1,
  windowUsed: 1,
  tiles: 1,
  stages: {},
  seconds: 0,
} as const;

/** Noise in [0, 1), the same in every run. */
function noise(seed: number, i: number): number {
  return scatter(i * 12.9898 + seed * 78.233);
}

/** A room around the viewer: walls that differ with the direction, a floor and a ceiling. */
function room(x: number, y: number): number {
  const [longitude, latitude] = [(2 * Math.PI * x) / WIDTH, (Math.PI * (y + 0.5)) / HEIGHT - Math.PI / 2];
  const walls = Math.cos(longitude + 0.4) + 0.7 * Math.sin(2 * longitude) + Math.cos(3 * longitude);
  return 1 + 0.8 * Math.tanh(walls * Math.cos(latitude) ** 2) + 0.1 * Math.sin(latitude);
}

type Picture = (x: number, y: number) => number;

/** The picture turned by so many columns, with noise that turns with it. */
function render(picture: Picture, turn = 0, width = WIDTH, height = HEIGHT): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  return exrFile([{ window, layers: ['RGB', 'albedo.RGB'] }], (channel, i) => {
    const [x, y] = [((i % width) + turn) % width, Math.floor(i / width)];
    const brightness = channel.startsWith('albedo') ? 0.5 : 0.5 + noise(channel.charCodeAt(0), y * width + x);
    return picture(x, y) * brightness * 0.5;
  });
}

async function red(exr: Uint8Array, request: Partial<DenoiseExrRequest> = {}) {
  const { exr: made, report } = await denoiseExr({ exr, ...request }, { pool, denoiser });
  return { data: readExr(made).parts[0]?.planes.get('R')?.data as Float32Array, report };
}

describe('wrapping', () => {
  it('makes the borders of a panorama the same as its middle', async () => {
    const turn = WIDTH / 2;
    const [plain, turned] = await Promise.all([red(render(room)), red(render(room, turn))]);
    expect([plain.report.wrap, turned.report.wrap]).toEqual(['x', 'x']);
    for (let i = 0; i < plain.data.length; i++) {
      const [x, y] = [i % WIDTH, Math.floor(i / WIDTH)];
      const other = turned.data[y * WIDTH + ((x + WIDTH - turn) % WIDTH)] as number;
      expect(Math.abs((plain.data[i] as number) - other)).toBeLessThan(2e-3);
    }
    const apart = await red(render(room), { wrap: 'none' });
    expect(apart.report.wrap).toBe('none');
    const differs = apart.data.some((value, i) => Math.abs(value - (plain.data[i] as number)) > 0.02);
    expect(differs).toBe(true);
  });

  it('works with windows, regions, maps of fireflies and any size', async () => {
    const neighbors = [{ exr: render(room, 2), offset: 1 }];
    const whole = await red(render(room), { neighbors, wrap: 'x' });
    const region = { x: 0, y: 10, width: 20, height: 30 };
    const part = await red(render(room), { neighbors, wrap: 'x', region });
    for (let i = 0; i < part.data.length; i++) {
      const at = (10 + Math.floor(i / 20)) * WIDTH + (i % 20);
      expect(part.data[i]).toBe(whole.data[at]);
    }
    for (const [width, height] of [
      [5, 3],
      [37, 20],
      [300, 9],
    ] as const) {
      const { data, report } = await red(render(room, 0, width, height), { wrap: 'x' });
      expect([data.length, report.wrap]).toEqual([width * height, 'x']);
    }
  });

  it('suggests what it does not do by itself', async () => {
    const halls = render((x, y) => (Math.abs(x - 95.5) < 40 ? 0.1 : y < 48 ? 2 : 0.5));
    const { report } = await red(halls);
    expect(report.wrap).toBe('none');
    expect(report.warnings.map(({ code }) => code)).toContain('panorama');
    const chosen = await red(halls, { wrap: 'none' });
    expect(chosen.report.warnings.map(({ code }) => code)).not.toContain('panorama');
    const inspected = await Promise.all(
      [halls, render(room), render((x) => x)].map((exr) => inspectExr(exr, pool)),
    );
    expect(inspected.map(({ warnings }) => warnings.some(({ code }) => code === 'panorama'))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it('leaves the repeated columns out of the mean errors', () => {
    // The repeated columns err by 9, those of the frame by a value of their own.
    const wideMap = (own: number): Raster =>
      raster(
        12,
        2,
        1,
        Float32Array.from({ length: 24 }, (_, i) => (i % 12 < 4 || i % 12 >= 8 ? 9 : own)),
      );
    const prediction = {
      errors: { smape: wideMap(1), dssim: wideMap(2) },
      relativeVariance: wideMap(3),
    };
    const wide = { color: raster(12, 2, 3), lights: new Map(), alpha: undefined, ...prediction };
    const report = { predictedError: { smape: 5, dssim: 6, decay: 0.5, lambda: 1 } } as const;
    const result = unwrapLayers({ ...wide, report: { ...stubReport, ...report } }, 4);
    expect(result.report.predictedError).toEqual({ smape: 1, dssim: 2, decay: 0.5, lambda: 1 });
    expect(result.errors?.smape.width).toBe(4);
    expect(result.relativeVariance?.data).toEqual(new Float32Array(8).fill(3));
  });

  it('is refused with another size', async () => {
    await expect(red(render(room), { wrap: 'x', finish: { upscale: 2 } })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});

describe('what looks like a panorama', () => {
  const frame = (picture: Picture, width = WIDTH, height = HEIGHT) => {
    const color = raster(width, height, 3);
    for (let i = 0; i < color.data.length; i++) {
      const at = i % (width * height);
      color.data[i] =
        picture(at % width, Math.floor(at / width)) * (0.5 + noise(1 + Math.floor(i / (width * height)), at));
    }
    return { color } as Parameters<typeof looksLikePanorama>[0];
  };

  it('has borders that match and even poles', () => {
    expect(looksLikePanorama(frame(room))).toBe('yes');
    expect(looksLikePanorama(frame(room, WIDTH, HEIGHT + 1))).toBe('no');
    expect(looksLikePanorama(frame(room, 2, 1))).toBe('no');
  });

  it.each<[string, Picture]>([
    ['a gradient to the side', (x) => 0.2 + x / WIDTH],
    [
      'sky over a textured floor',
      (x, y) => (y < 40 ? 2 : 0.3 + 0.5 * Math.abs(Math.sin(x / 9) * Math.cos(y / 7))),
    ],
    ['a ball before a backdrop', (x, y) => (Math.hypot(x - 96, y - 48) < 30 ? 0.2 : 1)],
    ['one color', () => 0.7],
    ['black', () => 0],
    ['a repeating pattern', (x, y) => 1 + 0.8 * Math.sin((2 * Math.PI * x) / 48) * Math.cos(y / 3)],
    ['noise alone', () => 1],
    ['a gradient downwards', (_, y) => 0.2 + y / HEIGHT],
    ['dark borders', (x, y) => Math.exp(-(((x - 95.5) / 60) ** 2) - ((y - 47.5) / 30) ** 2)],
    ['a ball between floor and sky', (x, y) => (Math.hypot(x - 96, y - 50) < 25 ? 0.1 : y < 48 ? 2 : 0.5)],
    [
      'a symmetric hall',
      (x, y) => 1 + 0.8 * Math.cos((Math.PI * (y - 47.5)) / HEIGHT) * Math.cos(((x - 95.5) * Math.PI) / 40),
    ],
    ['a bright disc on black', (x, y) => (Math.hypot(x - 96, y - 48) < 40 ? 5 : 0)],
    ['a wall with windows', (x, y) => (x % 40 < 20 && y % 30 < 15 ? 3 : 0.3)],
  ])('is not %s', (name, picture) => {
    const looks = looksLikePanorama(frame(picture));
    expect([name, looks === 'yes']).toEqual([name, false]);
  });
});

describe('the choice for a shot', () => {
  it('is that of a panorama for all frames, and none in doubt', async () => {
    expect(await wrapOfShot(pool.open(render(room)), {}, pool)).toEqual({ wrap: 'x' });
    const ramp = render((x) => 0.2 + x / WIDTH);
    expect(await wrapOfShot(pool.open(ramp), { wrap: 'auto' }, pool)).toEqual({ wrap: 'none' });
    const square = render(room, 0, WIDTH, WIDTH);
    expect(await wrapOfShot(pool.open(square), {}, pool)).toEqual({ wrap: 'auto' });
    expect(await wrapOfShot(pool.open(square), { wrap: 'x' }, pool)).toEqual({ wrap: 'x' });
  });
});
