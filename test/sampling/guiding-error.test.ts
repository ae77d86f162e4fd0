import { describe, expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import { GUIDING_METRICS } from '../../src/sampling/error-metric.js';
import { type GuidingInputs, guidingError } from '../../src/sampling/guiding-error.js';
import { planSamples } from '../../src/sampling/plan-samples.js';

const [WIDTH, HEIGHT] = [48, 40];
const SIZE = WIDTH * HEIGHT;

/** What is predicted, of these values. */
function errorsOf(
  smape: (i: number) => number,
  dssim: (i: number) => number,
  variance = 0.2,
): Pick<GuidingInputs, 'errors' | 'relativeVariance'> {
  const channel = (value: (i: number) => number): Raster =>
    raster(
      WIDTH,
      HEIGHT,
      1,
      Float32Array.from({ length: SIZE }, (_, i) => value(i)),
    );
  return {
    errors: { smape: channel(smape), dssim: channel(dssim) },
    relativeVariance: channel(() => variance),
  };
}

const gray = (value: number): Raster => raster(WIDTH, HEIGHT, 3, new Float32Array(3 * SIZE).fill(value));
const at = (x: number, y: number): number => y * WIDTH + x;

describe('guidingError', () => {
  it('is the predicted plane of SMAPE and of DSSIM', () => {
    const predicted = errorsOf(
      (i) => i / SIZE,
      (i) => i / SIZE / 2,
    );
    expect([...guidingError(predicted, 'smape')]).toEqual([...predicted.errors.smape.data]);
    expect([...guidingError(predicted, 'dssim')]).toEqual([...predicted.errors.dssim.data]);
  });

  it.each([0, 0.003, 0.1, 2, 500])('finds the relative squared error of a pixel as bright as %s', (r) => {
    // A denoised pixel that is a hundredth too bright: SMAPE and relative squared error as they are defined.
    const d = 1.01 * r + 1e-5;
    const smape = Math.abs(d - r) / (d + r + 0.01);
    const relative = (d - r) ** 2 / (r * r + 0.01);
    const [predicted] = guidingError(
      {
        ...errorsOf(
          () => smape,
          () => 0,
        ),
        denoised: gray(d),
      },
      'relative-mse',
    );
    expect((predicted as number) / relative).toBeGreaterThan(0.97);
    expect((predicted as number) / relative).toBeLessThan(1.03);
  });

  it('averages the channels of the relative squared error', () => {
    const denoised = gray(0);
    denoised.data.fill(1, 0, SIZE);
    const [predicted] = guidingError(
      {
        ...errorsOf(
          () => 0.5,
          () => 0,
        ),
        denoised,
      },
      'relative-mse',
    );
    expect(predicted).toBeCloseTo((0.25 * 2.01 ** 2) / 1.01 / 3 + ((2 / 3) * 0.25 * 0.01 ** 2) / 0.01, 5);
  });

  it('needs the denoised color for relative squared errors, of the same size', () => {
    const predicted = errorsOf(
      () => 0.1,
      () => 0.1,
    );
    for (const denoised of [undefined, raster(WIDTH, HEIGHT, 1), raster(3, 3, 3)]) {
      const inputs = { ...predicted, ...(denoised && { denoised }) };
      expect(() => guidingError(inputs, 'relative-mse')).toThrow(
        expect.objectContaining({
          code: 'invalid-argument',
          message: expect.stringContaining(
            '48 x 40 pixels with 3 channels for the denoised color of relative-mse',
          ),
        }),
      );
    }
  });

  it('is the measured relative variance, otherwise the mean of 5x5 pixels', () => {
    const predicted = errorsOf(
      () => 0.1,
      () => 0.1,
      0,
    );
    predicted.relativeVariance.data[at(10, 10)] = 1;
    const mean = guidingError(predicted, 'relative-variance');
    expect(mean[at(12, 8)]).toBeCloseTo(1 / 25, 6);
    expect(mean[at(13, 10)]).toBe(0);
    const noise = raster(WIDTH, HEIGHT, 1, new Float32Array(SIZE).fill(0.6));
    expect([...guidingError({ ...predicted, noise }, 'relative-variance')]).toEqual([...noise.data]);
  });

  it.each([0, 0.01, 0.3])('has the multi-scale DSSIM of an even DSSIM of %s', (dssim) => {
    const found = guidingError(
      {
        ...errorsOf(
          () => 0,
          () => dssim,
        ),
      },
      'ms-dssim',
    );
    for (const value of found) expect(value).toBeCloseTo(dssim, 4);
  });

  it('spreads a DSSIM over the pixels of five scales, by the exponents of Wang et al. 2003', () => {
    const [x, y] = [24, 20];
    const found = guidingError(
      {
        ...errorsOf(
          () => 0,
          (i) => Number(i === at(x, y)) / 4,
        ),
      },
      'ms-dssim',
    );
    // The similarity 1/2 of one pixel in squares of 1, 3, 5, 9 and 17 pixels.
    const exponents = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
    const means = [1, 3, 5, 9, 17].map((side) => 1 - 0.5 / side ** 2);
    const from = (first: number): number =>
      (1 - exponents.reduce((product, e, j) => product * (j < first ? 1 : (means[j] as number) ** e), 1)) / 2;
    for (const [distance, first] of [0, 1, 2, 3, 3, 4, 4, 4, 4].entries()) {
      expect(found[at(x + distance, y)]).toBeCloseTo(from(first), 6);
      expect(found[at(x, y - distance)]).toBeCloseTo(from(first), 6);
    }
    expect(found[at(x + 9, y)]).toBeCloseTo(0, 6);
  });

  it('is finite and within its range for the worst errors', () => {
    const noise = raster(WIDTH, HEIGHT, 1, new Float32Array(SIZE).fill(1));
    const inputs = {
      ...errorsOf(
        () => 1,
        () => 1,
        1,
      ),
      noise,
      denoised: gray(1e4),
    };
    for (const metric of GUIDING_METRICS) {
      const most = Math.max(...guidingError(inputs, metric));
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThanOrEqual(metric === 'relative-mse' ? 4.1 : 1);
    }
    expect(Math.max(...guidingError(inputs, 'ms-dssim'))).toBe(0.5);
  });
});

describe('planSamples by the error alone', () => {
  it.each(GUIDING_METRICS)('is strictly proportional to %s, and spends the budget', (metric) => {
    const predicted = errorsOf(
      (i) => 0.001 + (i % 7) / 20,
      (i) => 0.001 + (i % 5) / 20,
    );
    const inputs = { ...predicted, denoised: gray(0.4) };
    const options = { budgetSpp: 100, metric, weighting: 'error' } as const;
    const { density, samples } = planSamples(inputs, options);
    const error = guidingError(inputs, metric);
    for (const [i, value] of density.data.entries()) {
      expect((value * (error[0] as number)) / (density.data[0] as number)).toBeCloseTo(error[i] as number, 5);
    }
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(100 * SIZE);
  });

  it('takes no notice of the noise, which the reducible error does', () => {
    const predicted = errorsOf(
      (i) => ((i % WIDTH) + 1) / WIDTH,
      () => 0,
    );
    const noise = raster(WIDTH, HEIGHT, 1, new Float32Array(SIZE).fill(0.1));
    noise.data.fill(1, SIZE / 2);
    const plan = (weighting: 'error' | 'reducible') =>
      planSamples({ ...predicted, noise }, { budgetSpp: 8, weighting }).samples;
    const [above, below] = [at(20, 5), at(20, 35)];
    expect(plan('error')[above]).toBe(plan('error')[below]);
    expect(plan('reducible')[below]).toBeGreaterThan(3 * (plan('reducible')[above] as number));
  });
});
