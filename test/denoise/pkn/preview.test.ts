import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import type { Frame } from '../../../src/frame/frame.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { checkMap } from '../../../src/pkn/parameter-map.js';
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
    albedoVariance: randomRaster(width, height, 1, [0, 0.01]),
    normal: randomRaster(width, height, 3, [-1, 1]),
    normalVariance: randomRaster(width, height, 1, [0, 0.01]),
  };
}

/** Mean of |x - mean|. */
function spread({ data }: Raster): number {
  const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
  return data.reduce((sum, value) => sum + Math.abs(value - mean), 0) / data.length;
}

describe('the preview', () => {
  it('is a model with a name of its own', async () => {
    expect(denoiser.models).toContainEqual(expect.objectContaining({ name: 'pkn', version: 1 }));
    const { report } = await denoiser.denoise(frameOf(8, 8), { model: 'pkn@1' });
    expect(report).toMatchObject({ model: 'pkn', version: 1, windowUsed: 1, lambda: 1 });
  });

  it.each([
    [1, 1],
    [3, 2],
    [7, 9],
    [65, 34],
  ])('takes frames of %i x %i, with and without auxiliary buffers', async (width, height) => {
    const full = frameOf(width, height);
    const { color, colorVariance, source, varianceOrigin } = full;
    for (const frame of [full, { width, height, source, varianceOrigin, color, colorVariance }]) {
      const result = await denoiser.denoise(frame, { model: 'pkn' });
      expect(result.color).toMatchObject({ width, height, channels: 3 });
      expect(result.color.data.every((value) => value >= 0 && value <= 2.001)).toBe(true);
    }
  });

  it('makes noise less, the more the greater its strength', async () => {
    const [width, height] = [64, 48];
    const flat = raster(width, height, 3);
    flat.data.fill(0.5);
    const frame = { ...frameOf(width, height), albedo: flat, normal: flat };
    const at = async (strength: number) =>
      spread((await denoiser.denoise(frame, { model: 'pkn', strength })).color);
    const spreads = [spread(frame.color), await at(0.5), await at(1), await at(2)];
    expect(spreads).toEqual([...spreads].sort((a, b) => b - a));
    expect(spreads[2]).toBeLessThan(0.5 * (spreads[0] as number));
  });

  it('gives its parameters, scaled by the strength', async () => {
    const frame = frameOf(21, 15);
    const one = await denoiser.denoise(frame, { model: 'pkn', parameters: true });
    const half = await denoiser.denoise(frame, { model: 'pkn', parameters: true, strength: 0.5 });
    const [full, halved] = [one.parameters?.[0], half.parameters?.[0]];
    if (full === undefined || halved === undefined) throw new Error('no parameters');
    for (const map of [full, halved]) checkMap(map, 'cross-bilateral', 21, 15);
    expect(full.values.data.at(-1)).toBeCloseTo(2 * (halved.values.data.at(-1) ?? 0), 5);
    expect(full.values.channels).toBe(13);
    expect((await denoiser.denoise(frame, { model: 'pkn' })).parameters).toBeUndefined();
  });

  it('gives the same whatever the memory for tiles, and twice', async () => {
    const frame = frameOf(420, 300);
    const small = await Denoiser.load({ modelsDirectory: MODELS, threads: 2, memoryBudgetBytes: 1 });
    try {
      const a = await small.denoise(frame, { model: 'pkn' });
      const b = await denoiser.denoise(frame, { model: 'pkn' });
      const c = await denoiser.denoise(frame, { model: 'pkn' });
      expect(a.report.tiles).toBeGreaterThan(b.report.tiles);
      expect(largestDifference(a.color, b.color)).toBeLessThan(2e-3);
      expect(c.color.data).toEqual(b.color.data);
    } finally {
      await small.close();
    }
  });

  it('tells its progress up to 1 and can be cancelled', async () => {
    const fractions: number[] = [];
    await denoiser.denoise(frameOf(40, 40), { model: 'pkn', onProgress: (f) => fractions.push(f) });
    expect(fractions.at(-1)).toBe(1);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    const request = { model: 'pkn', signal: AbortSignal.abort() };
    await expect(denoiser.denoise(frameOf(40, 40), request)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it.each([
    [{ model: 'pkn', errors: true }, 'not-implemented'],
    [{ model: 'pkn', strength: -1 }, 'invalid-argument'],
    [{ model: 'pkn', strength: Number.NaN }, 'invalid-argument'],
    [{ model: 'pkn', strength: 5 }, 'invalid-argument'],
    [{ model: 'kpcn', strength: 2 }, 'invalid-argument'],
    [{ model: 'kpcn', parameters: true }, 'invalid-argument'],
    [{ model: 'pkn@9' }, 'unknown-model'],
  ])('refuses %j', async (request, code) => {
    await expect(denoiser.denoise(frameOf(8, 8), request)).rejects.toMatchObject({ code });
  });
});
