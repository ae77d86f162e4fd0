import { describe, expect, it } from 'vitest';
import { denoisedShare, keepConverged } from '../../src/denoise/converged-guard.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { frameOf } from './support.js';

const [WIDTH, HEIGHT] = [37, 22];

function filled(channels: number, value: number): Raster {
  return raster(WIDTH, HEIGHT, channels, new Float32Array(WIDTH * HEIGHT * channels).fill(value));
}

/** A grey picture with a relative standard deviation. */
function grey(value: number, deviation: number): Frame {
  const colorVariance = filled(1, (value * deviation) ** 2);
  return { ...frameOf(WIDTH, HEIGHT), color: filled(3, value), colorVariance };
}

/** What becomes of a denoised 0 where the noisy picture is 1. */
function blended(frame: Frame, exposure: number): number[] {
  const denoised = filled(3, 0);
  const share = denoisedShare(frame, exposure);
  if (share !== undefined) keepConverged(filled(3, 1), denoised, share);
  return [...new Set(denoised.data)];
}

describe('The guard of converged pictures', () => {
  it.each([
    [0, 1],
    [0.0015, 1],
    [0.006, 0.5],
    [0.011, 0],
    [0.5, 0],
  ])('of a relative deviation of %d keeps %d of the input', (deviation, kept) => {
    // 100 x exposed, so that the guard against black plays no part.
    const values = blended(grey(3, deviation), 100);
    for (const value of values) expect(value).toBeCloseTo(kept, 2);
    expect(blended(grey(3, deviation), 100)).toEqual(blended(grey(6, deviation), 50));
  });

  it('does not trust variances that were estimated', () => {
    expect(denoisedShare({ ...grey(3, 0), varianceOrigin: 'estimated' }, 100)).toBeUndefined();
    expect(denoisedShare(grey(3, 0), 100)).toBeDefined();
  });

  it('takes noise in what is nearly black for none', () => {
    expect(blended(grey(1e-4, 0.1), 1)).toEqual([1]);
  });

  it('lets a few noisy pixels speak for those around them', () => {
    const frame = grey(3, 0);
    frame.colorVariance.data[10 * WIDTH + 18] = 1;
    const denoised = filled(3, 0);
    const share = denoisedShare(frame, 100);
    if (share !== undefined) keepConverged(filled(3, 1), denoised, share);
    expect(denoised.data[10 * WIDTH + 18]).toBe(0);
    expect(denoised.data[11 * WIDTH + 20]).toBe(0);
    expect(denoised.data[10 * WIDTH + 36]).toBe(1);
    for (const value of denoised.data) expect(value >= 0 && value <= 1).toBe(true);
  });
});
