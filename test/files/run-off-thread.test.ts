import { describe, expect, it } from 'vitest';
import { runOffThread } from '../../src/files/run-off-thread.js';
import { raster } from '../../src/image/raster.js';

describe('runOffThread', () => {
  it('plans samples, and passes refusals on', async () => {
    const errors = raster(
      9,
      7,
      3,
      Float32Array.from({ length: 189 }, (_, i) => (i % 9) / 10),
    );
    const plan = (given: typeof errors, budgetSpp: number) =>
      runOffThread('plan-samples', { errors: given, options: { budgetSpp } }, undefined);
    const { samples, density } = await plan(errors, 5.5);
    expect(samples.reduce((sum, count) => sum + count, 0)).toBe(Math.round(5.5 * 63));
    expect(density.data.reduce((sum, value) => sum + value, 0) / 63).toBeCloseTo(1, 5);
    const wrong = raster(2, 1, 3, Float32Array.of(0.1, Number.NaN, 0, 0, 1, 1));
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
