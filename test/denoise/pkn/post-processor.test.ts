import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import { parameterChannels } from '../../../src/denoise/pkn/parameter-channels.js';
import type { DenoiseRequest } from '../../../src/denoise/types.js';
import type { Frame } from '../../../src/frame/frame.js';
import { plane, type Raster, raster } from '../../../src/image/raster.js';
import { checkMap, interpolateMap } from '../../../src/pkn/parameter-map.js';
import { at } from '../../pkn/support.js';
import { largestDifference } from '../../support/closeness.js';
import { randomRaster } from '../../support/random.js';

const MODELS = fileURLToPath(new URL('../../../models', import.meta.url));

let denoiser: Denoiser;

beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: MODELS, threads: 2 });
});

afterAll(() => denoiser.close());

function frameOf(width: number, height: number): Frame {
  return {
    ...{ width, height, source: 'cycles', varianceOrigin: 'half-buffers' },
    color: randomRaster(width, height, 3, [0, 2]),
    colorVariance: randomRaster(width, height, 1, [0, 0.2]),
    albedo: randomRaster(width, height, 3),
    normal: randomRaster(width, height, 3, [-1, 1]),
  };
}

function constant(width: number, height: number, channels: number, value: number): Raster {
  const image = raster(width, height, channels);
  image.data.fill(value);
  return image;
}

const PREVIEW: DenoiseRequest = { model: 'pkn' };

describe('magnification of a denoised frame', () => {
  it.each([
    [1.3, 27, 20],
    [1.8, 38, 27],
    [2, 42, 30],
    [3, 63, 45],
  ])('by %d has the new size, and stays within the range of the frame', async (upscale, width, height) => {
    const frame = frameOf(21, 15);
    const alpha = randomRaster(21, 15, 1);
    const plain = await denoiser.denoise(frame, { ...PREVIEW, also: [alpha] });
    const result = await denoiser.denoise(frame, { ...PREVIEW, also: [alpha], finish: { upscale } });
    expect(result.color).toMatchObject({ width, height, channels: 3 });
    expect(result.also[0]).toMatchObject({ width, height, channels: 1 });
    for (let c = 0; c < 3; c++) {
      const [low, high] = [Math.min(...plane(plain.color, c)), Math.max(...plane(plain.color, c))];
      expect(Math.min(...plane(result.color, c))).toBeGreaterThan(low - 1e-4);
      expect(Math.max(...plane(result.color, c))).toBeLessThan(high + 1e-4);
    }
    expect(result.report.finish).toMatchObject({ upscale, strength: 1 });
  });

  it('by 1 is the denoised frame', async () => {
    const frame = frameOf(17, 9);
    const result = await denoiser.denoise(frame, { ...PREVIEW, finish: { upscale: 1 } });
    expect(result.color.data).toEqual((await denoiser.denoise(frame, PREVIEW)).color.data);
  });

  it('costs the resampling alone when the factor changes', async () => {
    const frame = { ...frameOf(30, 22), color: randomRaster(30, 22, 3, [0, 1.7]) };
    const first = await denoiser.denoise(frame, { ...PREVIEW, finish: { upscale: 1.5 } });
    expect(first.report.finish?.cached).toBe(false);
    expect(Object.keys(first.report.stages)).toEqual(
      expect.arrayContaining(['network', 'kernels', 'parameters', 'magnify']),
    );
    const second = await denoiser.denoise(frame, { ...PREVIEW, finish: { upscale: 2.5 } });
    expect(second.report.finish?.cached).toBe(true);
    expect(Object.keys(second.report.stages)).toEqual(['magnify']);
    expect(second.color.width).toBe(75);

    const fresh = await Denoiser.load({ modelsDirectory: MODELS, threads: 1 });
    try {
      const alone = await fresh.denoise(frame, { ...PREVIEW, finish: { upscale: 2.5 } });
      expect(largestDifference(alone.color, second.color)).toBeLessThan(2e-3);
    } finally {
      await fresh.close();
    }
  });

  it('does not take another frame, model or strength for the same', async () => {
    const frame = frameOf(12, 12);
    const cached = async (of: Frame, request: DenoiseRequest) =>
      (await denoiser.denoise(of, { finish: { upscale: 2 }, ...request })).report.finish?.cached;
    expect(await cached(frame, PREVIEW)).toBe(false);
    expect(await cached(frame, PREVIEW)).toBe(true);
    expect(await cached(frame, { ...PREVIEW, strength: 2 })).toBe(false);
    expect(await cached(frame, { model: 'kpcn' })).toBe(false);
    expect(await cached(frame, { model: 'kpcn', strength: 2 })).toBe(true);
    const changed = { ...frame, color: raster(12, 12, 3, frame.color.data.slice()) };
    changed.color.data[100] = 0.123;
    expect(await cached(changed, PREVIEW)).toBe(false);
  });

  it('follows an edge of the guide, and the surface of the new size', async () => {
    const [width, height, upscale] = [24, 16, 2];
    // One light on two surfaces whose edge is where no pixel of the small frame has one.
    const albedoOf = (w: number, edge: number): Raster => {
      const albedo = raster(w, (w * height) / width, 3);
      albedo.data.forEach((_, i) => {
        albedo.data[i] = i % w < edge ? 0.2 : 0.8;
      });
      return albedo;
    };
    const low = albedoOf(width, 12);
    const frame: Frame = {
      ...{ width, height, source: 'cycles', varianceOrigin: 'layer', albedo: low },
      color: raster(width, height, 3, low.data.slice()),
      colorVariance: raster(width, height, 1),
    };
    const high = albedoOf(2 * width, 23);
    const guide = { width: 2 * width, height: 2 * height, albedo: high };
    const { color, report } = await denoiser.denoise(frame, { ...PREVIEW, finish: { upscale, guide } });
    expect(report.finish?.guides).toEqual(['albedo']);
    for (let x = 4; x < 44; x++) expect(at(color, x, 16)).toBeCloseTo(at(high, x, 16), 1);
    expect(at(color, 22, 16)).toBeLessThan(0.25);
    expect(at(color, 23, 16)).toBeGreaterThan(0.7);
  });

  it('gives the parameters of all filters, and those at every pixel', async () => {
    const frame = frameOf(14, 10);
    const result = await denoiser.denoise(frame, {
      ...{ ...PREVIEW, parameters: true, strength: 0.5, finish: { upscale: 2, deblur: 1 } },
    });
    const maps = result.parameters ?? [];
    expect(maps.map(({ filter }) => filter)).toEqual([
      ...['cross-bilateral', 'polynomial-deblur', 'rbf-upsample'],
    ]);
    for (const map of maps) checkMap(map, map.filter, 14, 10);
    const channels = parameterChannels(maps, 28, 20, 2);
    expect(channels).toHaveLength(13 + 3 + 4);
    expect(channels.at(-1)?.name).toBe('parameters.rbf-upsample.sharpness');
    const shapes = interpolateMap(maps[2]?.values ?? raster(1, 1, 4), 28, 20, 2);
    expect(channels.at(-1)?.data).toEqual(plane(shapes, 3));
    for (const { data } of channels) expect(data).toHaveLength(28 * 20);
  });
});

describe('deblurring of a denoised frame', () => {
  it('makes an edge steeper, keeps constants and stays at least 0', async () => {
    const [width, height] = [64, 24];
    const color = raster(width, height, 3);
    color.data.forEach((_, i) => {
      const x = (i % width) - 31.5;
      color.data[i] = 0.1 + 0.4 / (1 + Math.exp(-x / 1.2));
    });
    const frame: Frame = {
      ...{ width, height, source: 'cycles', varianceOrigin: 'layer', color },
      colorVariance: raster(width, height, 1),
      albedo: constant(width, height, 3, 0.5),
      normal: constant(width, height, 3, 0.5),
    };
    const plain = await denoiser.denoise(frame, PREVIEW);
    const sharp = await denoiser.denoise(frame, { ...PREVIEW, finish: { deblur: 1.5 } });
    const slope = (image: Raster) => at(image, 33, 12) - at(image, 30, 12);
    expect(slope(sharp.color)).toBeGreaterThan(1.05 * slope(plain.color));
    expect(at(sharp.color, 4, 12)).toBeCloseTo(at(plain.color, 4, 12), 2);
    expect(Math.min(...sharp.color.data)).toBeGreaterThanOrEqual(0);
    expect(sharp.report.finish).toMatchObject({ deblurSigma: 1.5 });
    const weak = await denoiser.denoise(frame, { ...PREVIEW, strength: 0, finish: { deblur: 1.5 } });
    expect(
      largestDifference(weak.color, (await denoiser.denoise(frame, { ...PREVIEW, strength: 0 })).color),
    ).toBeLessThan(1e-5);
  });

  it('estimates the blur where it is asked to', async () => {
    const { report } = await denoiser.denoise(frameOf(40, 30), { ...PREVIEW, finish: { deblur: 'auto' } });
    expect(report.finish?.deblurSigma).toBeGreaterThanOrEqual(0.3);
    expect(report.finish?.deblurSigma).toBeLessThanOrEqual(4);
  });
});

describe('bad input', () => {
  it.each([
    [{ finish: { upscale: 0.5 } }, 'invalid-argument'],
    [{ finish: { upscale: 4.01 } }, 'invalid-argument'],
    [{ finish: { upscale: Number.NaN } }, 'invalid-argument'],
    [{ finish: { upscale: Number.POSITIVE_INFINITY } }, 'invalid-argument'],
    [{ finish: { deblur: 0 } }, 'invalid-argument'],
    [{ finish: { deblur: 9 } }, 'invalid-argument'],
    [{ strength: -0.1, finish: { upscale: 2 } }, 'invalid-argument'],
    [{ strength: 4.1, finish: { upscale: 2 } }, 'invalid-argument'],
    [{ finish: { upscale: 2, guide: { width: 20, height: 20 } } }, 'mismatched-frames'],
  ])('is refused: %j', async (request, code) => {
    const run = denoiser.denoise(frameOf(9, 9), { ...PREVIEW, ...request });
    await expect(run).rejects.toMatchObject({ code });
  });

  it('takes pictures smaller than what the networks pool, and black ones', async () => {
    for (const [width, height] of [
      [1, 1],
      [2, 1],
      [3, 3],
      [1, 7],
    ] as const) {
      const black = { ...frameOf(width, height), color: raster(width, height, 3) };
      for (const frame of [frameOf(width, height), black]) {
        const { color } = await denoiser.denoise(frame, {
          ...PREVIEW,
          finish: { upscale: 1.8, deblur: 'auto' },
        });
        expect(color).toMatchObject({ width: Math.round(1.8 * width), height: Math.round(1.8 * height) });
        expect(color.data.every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('can be cancelled', async () => {
    const request = { ...PREVIEW, finish: { upscale: 2 }, signal: AbortSignal.abort() };
    await expect(denoiser.denoise(frameOf(9, 8), request)).rejects.toMatchObject({ code: 'cancelled' });
  });
});
