import { describe, expect, it } from 'vitest';
import { runOffThread } from '../../src/files/run-off-thread.js';
import { raster } from '../../src/image/raster.js';

describe('runOffThread', () => {
  it('plans samples, and passes refusals on', async () => {
    const map = (width: number, values: readonly number[]) =>
      raster(width, values.length / width, 1, Float32Array.from(values));
    const ramp = map(
      9,
      Array.from({ length: 63 }, (_, i) => (i % 9) / 10),
    );
    const errors = { errors: { smape: ramp, dssim: ramp }, relativeVariance: ramp };
    const plan = (inputs: typeof errors, budgetSpp: number) =>
      runOffThread('plan-samples', { inputs, options: { budgetSpp } }, undefined);
    const { samples, density } = await plan(errors, 5.5);
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(Math.round(5.5 * 63));
    expect(density.data.reduce((sum, value) => sum + value, 0) / 63).toBeCloseTo(1, 5);
    const wrong = {
      errors: { smape: map(2, [0.1, Number.NaN]), dssim: map(2, [0, 0]) },
      relativeVariance: map(2, [1, 1]),
    };
    await expect(plan(wrong, 1)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining('the error of pixel (1, 0)'),
    });
  });

  it('moves what it is told to move, and starts nothing for a signal that has aborted', async () => {
    const step = raster(2, 1, 2, Float32Array.of(1, 0, 0, 0));
    const call = runOffThread('chain-motion', { steps: [step] }, AbortSignal.abort());
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    const { buffer } = step.data;
    if (!(buffer instanceof ArrayBuffer)) throw new Error('Expected memory that can move');
    const [total] = await runOffThread('chain-motion', { steps: [step] }, undefined, [buffer]);
    expect(total?.data).toEqual(Float32Array.of(1, 0, 0, 0));
    expect(buffer.byteLength).toBe(0);
  });
});
