import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseResult } from '../../src/denoise/types.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { largestDifference } from '../support/closeness.js';
import { randomNumbers } from '../support/random.js';

const folder = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const MODEL = 'kpcn@2';

let denoiser: Denoiser;
beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: folder('../../models'), threads: 2 });
});
afterAll(() => denoiser.close());

/** Clean on the left; on the right with noise of 30 %, as its variance says. */
function frameOf(width: number, height: number): Frame {
  const random = randomNumbers(1);
  const color = raster(width, height, 3);
  const colorVariance = raster(width, height, 1);
  for (let i = 0; i < width * height; i++) {
    const sigma = i % width < width / 2 ? 0 : 0.06;
    colorVariance.data[i] = sigma ** 2;
    for (let c = 0; c < 3; c++)
      color.data[c * width * height + i] = 0.2 + sigma * Math.sqrt(12) * (random() - 0.5);
  }
  const constant = (channels: number, value: number): Raster =>
    raster(width, height, channels, new Float32Array(channels * width * height).fill(value));
  return {
    ...{ width, height, source: 'mitsuba', color, colorVariance, varianceOrigin: 'half-buffers' },
    ...{ albedo: constant(3, 0.5), albedoVariance: constant(1, 0), normal: constant(3, 0.577) },
    normalVariance: constant(1, 0),
  };
}

const mean = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0) / values.length;

describe('predicted errors', () => {
  it('are not there unless asked for', async () => {
    const result = await denoiser.denoise(frameOf(16, 12), { model: MODEL });
    expect(result.errors).toBeUndefined();
    expect(result.relativeVariance).toBeUndefined();
    expect(result.report).not.toHaveProperty('predictedError');
  });

  it('are larger where there is noise, and their means are in the report', async () => {
    const [width, height] = [97, 61];
    const { errors, relativeVariance, report } = await denoiser.denoise(frameOf(width, height), {
      model: MODEL,
      errors: true,
    });
    if (errors === undefined || relativeVariance === undefined) throw new Error('there are no errors');
    for (const map of [errors.smape, errors.dssim, relativeVariance]) {
      expect([map.width, map.height, map.channels]).toEqual([width, height, 1]);
      expect(map.data.every((value) => value >= 0 && value <= 1)).toBe(true);
    }
    const smape = errors.smape.data;
    const half = (right: boolean): number =>
      mean(smape.filter((_, i) => (right ? i % width > width / 2 + 8 : i % width < width / 2 - 8)));
    expect(half(true)).toBeGreaterThan(2 * half(false));
    expect(report.predictedError?.smape).toBeCloseTo(mean(smape), 6);
    expect(report.predictedError?.dssim).toBeCloseTo(mean(errors.dssim.data), 6);
    expect(report.stages.errors).toBeGreaterThan(0);
  });

  it.each([
    ['a number', () => 5],
    ['a map', () => raster(40, 24, 1, new Float32Array(40 * 24).fill(5))],
  ])('are those of lambda = 1 where lambda is %s, beside the colour of that lambda', async (_, lambdaOf) => {
    const frame = frameOf(40, 24);
    const fractions: number[] = [];
    const symmetric = await denoiser.denoise(frame, { model: MODEL, errors: true });
    const alone = await denoiser.denoise(frame, { model: MODEL, lambda: lambdaOf() });
    const both = await denoiser.denoise(frame, {
      ...{ model: MODEL, errors: true, lambda: lambdaOf() },
      onProgress: (fraction) => fractions.push(fraction),
    });
    expect(both.color.data).toEqual(alone.color.data);
    expect(both.color.data).not.toEqual(symmetric.color.data);
    expect(both.errors).toEqual(symmetric.errors);
    expect(both.relativeVariance).toEqual(symmetric.relativeVariance);
    expect(both.report.predictedError).toEqual(symmetric.report.predictedError);
    expect([both.report.lambda, both.report.predictedError?.lambda]).toEqual([5, 1]);
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
    expect(fractions.filter((fraction) => fraction === 1)).toHaveLength(1);
  });

  it('come from the newest version that predicts them, where none is named', async () => {
    const models = await mkdtemp(join(tmpdir(), 'quietframe-models-'));
    await cp(folder('../../models/kpcn/2'), join(models, 'kpcn', '2'), { recursive: true });
    await cp(folder('../golden/tiny-bundle/kpcn/1'), join(models, 'kpcn', '3'), { recursive: true });
    const manifest = join(models, 'kpcn', '3', 'model.json');
    const text = await readFile(manifest, 'utf8');
    await writeFile(manifest, JSON.stringify({ ...JSON.parse(text), version: 3 }));
    const two = await Denoiser.load({ modelsDirectory: models, threads: 1 });
    try {
      const version = async (request: Parameters<Denoiser['denoise']>[1]): Promise<number> =>
        (await two.denoise(frameOf(16, 12), request)).report.version;
      expect(await version({})).toBe(3);
      expect(await version({ errors: true })).toBe(2);
      expect(await version({ errors: true, model: 'kpcn' })).toBe(2);
      await expect(version({ errors: true, model: 'kpcn@3' })).rejects.toMatchObject({
        code: 'not-implemented',
      });
    } finally {
      await two.close();
      await rm(models, { recursive: true });
    }
  });

  it('are the same in tiles', async () => {
    const frame = frameOf(300, 210);
    const small = await Denoiser.load({
      ...{ modelsDirectory: folder('../../models'), threads: 1, memoryBudgetBytes: 1 },
    });
    try {
      const whole = await denoiser.denoise(frame, { model: MODEL, errors: true });
      const tiled = await small.denoise(frame, { model: MODEL, errors: true });
      const maps = ({ errors, relativeVariance }: DenoiseResult) =>
        [errors?.smape, errors?.dssim, relativeVariance] as [Raster, Raster, Raster];
      const [smape, dssim, variance] = maps(whole);
      expect(largestDifference(maps(tiled)[0], smape)).toBeLessThan(1e-4);
      expect(largestDifference(maps(tiled)[1], dssim)).toBeLessThan(1e-4);
      expect(largestDifference(maps(tiled)[2], variance)).toBeLessThan(1e-4);
    } finally {
      await small.close();
    }
  });

  it('report progress that ends at 1 once', async () => {
    const seen: number[] = [];
    await denoiser.denoise(frameOf(64, 48), {
      ...{ model: MODEL, errors: true, onProgress: (fraction: number) => seen.push(fraction) },
    });
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(seen.filter((fraction) => fraction >= 1)).toEqual([1]);
  });

  it('are refused where the model has no predictor', async () => {
    const plain = await Denoiser.load({ modelsDirectory: folder('../golden/tiny-bundle'), threads: 1 });
    try {
      await expect(plain.denoise(frameOf(8, 8), { errors: true })).rejects.toMatchObject({
        code: 'not-implemented',
        details: { parameter: 'model' },
      });
    } finally {
      await plain.close();
    }
  });
});
