import { describe, expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { planSamples } from '../../src/sampling/plan-samples.js';
import { reducibleError } from '../../src/sampling/reducible-error.js';

/** What is predicted of a picture of 12x12 pixels, channel by channel. */
function errorsOf(value: (name: 'smape' | 'dssim' | 'variance', x: number, y: number) => number) {
  const channel = (name: 'smape' | 'dssim' | 'variance') =>
    raster(
      12,
      12,
      1,
      Float32Array.from({ length: 144 }, (_, i) => value(name, i % 12, Math.floor(i / 12))),
    );
  const errors = { smape: channel('smape'), dssim: channel('dssim') };
  return { errors, relativeVariance: channel('variance') };
}

describe('reducibleError', () => {
  it('is the error times the relative variance of the noise', () => {
    const predicted = errorsOf((name, x) =>
      name === 'variance' ? 0.25 : name === 'smape' ? x / 10 : x / 20,
    );
    for (const [metric, scale] of [
      ['smape', 10],
      ['dssim', 20],
    ] as const) {
      const { data } = reducibleError(predicted, metric);
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo((0.25 * (i % 12)) / scale, 6);
    }
  });

  it('averages the variance over 5x5 pixels, fewer at the border', () => {
    const predicted = errorsOf((name, x, y) => (name === 'variance' ? Number(x === 0 && y === 6) : 1));
    const { data } = reducibleError(predicted, 'smape');
    expect(data[6 * 12]).toBeCloseTo(1 / 15, 6);
    expect(data[4 * 12 + 2]).toBeCloseTo(1 / 25, 6);
    expect(data[3 * 12]).toBe(0);
    expect(data[6 * 12 + 3]).toBe(0);
  });

  it('sends samples to where there is noise', () => {
    const predicted = errorsOf((name, x) => (name === 'variance' ? Number(x >= 6) * 0.1 : 0.1));
    const { samples } = planSamples(predicted, { budgetSpp: 10 });
    expect(samples[6 * 12 + 11]).toBeGreaterThan(14);
    expect(samples[6 * 12]).toBe(1);
  });

  it('sends samples to a pixel that is measured to be noisy, and to its neighbors', () => {
    const predicted = errorsOf((name) => (name === 'variance' ? 0.5 : 0.1));
    const noise = raster(12, 12, 1);
    noise.data[5 * 12 + 7] = 1;
    const { samples } = planSamples({ ...predicted, noise }, { budgetSpp: 10 });
    expect(samples.reduce((total, count) => total + count, 0)).toBe(1440);
    const at = (x: number, y: number): number => samples[y * 12 + x] as number;
    for (let y = 0; y < 12; y++) {
      for (let x = 0; x < 12; x++) {
        if (Math.abs(x - 7) <= 1 && Math.abs(y - 5) <= 1) expect(at(x, y)).toBe(at(7, 5));
        else expect(at(x, y)).toBeLessThan(at(7, 5) / 10);
      }
    }
  });

  it('leaves out the averaged variance where there is a measured one, and only there', () => {
    const predicted = errorsOf((name, x, y) => (name === 'variance' ? x / 12 : (x + y) / 24));
    const noise = raster(12, 12, 1, new Float32Array(144).fill(0.5));
    const { data } = reducibleError({ ...predicted, noise }, 'dssim');
    for (const [i, value] of data.entries()) {
      const error = ((i % 12) + Math.floor(i / 12)) / 24;
      expect(value).toBeCloseTo(error ** 0.5 * 0.5 ** 0.75, 6);
    }
    const { samples } = planSamples(predicted, { budgetSpp: 4 });
    expect(planSamples({ ...predicted, noise }, { budgetSpp: 4 }).samples).not.toEqual(samples);
  });

  it('does not multiply the relative variance by itself', () => {
    const predicted = errorsOf((name) => (name === 'variance' ? 0.3 : 0.1));
    for (const value of reducibleError(predicted, 'relative-variance').data)
      expect(value).toBeCloseTo(0.3, 6);
    const noise = raster(12, 12, 1, new Float32Array(144).fill(0.7));
    expect([...reducibleError({ ...predicted, noise }, 'relative-variance').data]).toEqual([...noise.data]);
  });

  it('refuses measured noise of another size', () => {
    const predicted = errorsOf(() => 0.1);
    for (const noise of [raster(12, 11, 1), raster(12, 12, 3)]) {
      expect(() => planSamples({ ...predicted, noise }, { budgetSpp: 4 })).toThrow(
        expect.objectContaining({
          code: 'invalid-argument',
          message: expect.stringContaining('12 x 12 pixels with 1 channel for the measured noise'),
        }),
      );
    }
    const noise = raster(12, 12, 1, new Float32Array(144).fill(Number.NaN));
    expect(() => planSamples({ ...predicted, noise }, { budgetSpp: 4 })).toThrow('the error of pixel (0, 0)');
  });

  it('spreads samples evenly over a picture without noise', () => {
    const { samples } = planSamples(
      errorsOf((name) => (name === 'variance' ? 0 : 0.2)),
      { budgetSpp: 3 },
    );
    expect(new Set(samples)).toEqual(new Set([3]));
  });
});
