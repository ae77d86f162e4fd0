import { describe, expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { planSamples } from '../../src/sampling/plan-samples.js';
import { reducibleError } from '../../src/sampling/reducible-error.js';

/** Errors of a picture of 12x12 pixels, plane by plane. */
function errorsOf(plane: (name: 'smape' | 'dssim' | 'variance', x: number, y: number) => number) {
  const names = ['smape', 'dssim', 'variance'] as const;
  const data = names.flatMap((name) =>
    Array.from({ length: 144 }, (_, i) => plane(name, i % 12, Math.floor(i / 12))),
  );
  return raster(12, 12, 3, Float32Array.from(data));
}

describe('reducibleError', () => {
  it('is the error times the relative variance of the noise', () => {
    const errors = errorsOf((name, x) => (name === 'variance' ? 0.25 : name === 'smape' ? x / 10 : x / 20));
    for (const [metric, scale] of [
      ['smape', 10],
      ['dssim', 20],
    ] as const) {
      const { data } = reducibleError(errors, metric);
      for (const [i, value] of data.entries()) expect(value).toBeCloseTo((0.25 * (i % 12)) / scale, 6);
    }
  });

  it('averages the variance over 5x5 pixels, fewer at the border', () => {
    const errors = errorsOf((name, x, y) => (name === 'variance' ? Number(x === 0 && y === 6) : 1));
    const { data } = reducibleError(errors, 'smape');
    expect(data[6 * 12]).toBeCloseTo(1 / 15, 6);
    expect(data[4 * 12 + 2]).toBeCloseTo(1 / 25, 6);
    expect(data[3 * 12]).toBe(0);
    expect(data[6 * 12 + 3]).toBe(0);
  });

  it('sends samples to where there is noise', () => {
    const errors = errorsOf((name, x) => (name === 'variance' ? Number(x >= 6) * 0.1 : 0.1));
    const { samples } = planSamples(errors, { budgetSpp: 10 });
    expect(samples[6 * 12 + 11]).toBeGreaterThan(14);
    expect(samples[6 * 12]).toBe(1);
  });

  it('spreads samples evenly over a picture without noise', () => {
    const { samples } = planSamples(
      errorsOf((name) => (name === 'variance' ? 0 : 0.2)),
      { budgetSpp: 3 },
    );
    expect(new Set(samples)).toEqual(new Set([3]));
  });
});
