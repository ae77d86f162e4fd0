import { describe, expect, it } from 'vitest';
import { dssim, relativeMse, smape } from '../../src/image/metrics.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { displayExposure, luminance, toDisplay } from '../../src/image/tonemap.js';

const picture = (width: number, height: number, of: (i: number) => number): Raster =>
  raster(
    width,
    height,
    3,
    Float32Array.from({ length: 3 * width * height }, (_, i) => of(i)),
  );
const wavy = picture(20, 14, (i) => 0.5 + 0.4 * Math.sin(i * 0.7));
const noisy = picture(20, 14, (i) => 0.5 + 0.4 * Math.sin(i * 0.7) + 0.2 * Math.sin(i * i));

describe('smape', () => {
  it('is the mean over pixels and channels of |d - r| / (|d| + |r| + 0.01)', () => {
    const denoised = raster(1, 1, 3, Float32Array.from([1, 0, -2]));
    const reference = raster(1, 1, 3, Float32Array.from([3, 0, 2]));
    expect(smape(denoised, reference)).toBeCloseTo((2 / 4.01 + 0 + 4 / 4.01) / 3, 6);
    expect(smape(reference, denoised)).toBe(smape(denoised, reference));
  });

  it('is 0 for equal pictures and below 1 always', () => {
    expect(smape(wavy, wavy)).toBe(0);
    expect(
      smape(
        picture(2, 2, () => 0),
        picture(2, 2, () => 1e6),
      ),
    ).toBeLessThan(1);
  });
});

it('relativeMse is the mean of (d - r)^2 / (r^2 + 0.01)', () => {
  const denoised = raster(1, 1, 3, Float32Array.from([1, 0, 2]));
  const reference = raster(1, 1, 3, Float32Array.from([3, 1, 2]));
  expect(relativeMse(denoised, reference)).toBeCloseTo((4 / 9.01 + 1 / 1.01) / 3, 6);
});

describe('dssim', () => {
  /** By the definition, with the window in two dimensions. */
  function direct(denoised: Raster, reference: Raster): number {
    const exposure = displayExposure(reference);
    const shown = (image: Raster): number[] =>
      [...luminance(image).data].map((value) => toDisplay(exposure * value));
    const [d, r] = [shown(denoised), shown(reference)];
    const { width, height } = reference;
    let total = 0;
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const window: [weight: number, d: number, r: number][] = [];
        for (let v = Math.max(0, y - 5); v <= Math.min(height - 1, y + 5); v++) {
          for (let u = Math.max(0, x - 5); u <= Math.min(width - 1, x + 5); u++) {
            const weight = Math.exp(-((u - x) ** 2 + (v - y) ** 2) / 4.5);
            window.push([weight, d[v * width + u] as number, r[v * width + u] as number]);
          }
        }
        const mean = (of: (d: number, r: number) => number): number =>
          window.reduce((sum, [weight, a, b]) => sum + weight * of(a, b), 0) /
          window.reduce((sum, [weight]) => sum + weight, 0);
        const md = mean((a) => a);
        const mr = mean((_, b) => b);
        const vd = mean((a) => (a - md) ** 2);
        const vr = mean((_, b) => (b - mr) ** 2);
        const covariance = mean((a, b) => (a - md) * (b - mr));
        total +=
          ((2 * md * mr + 1e-4) * (2 * covariance + 9e-4)) / ((md * md + mr * mr + 1e-4) * (vd + vr + 9e-4));
      }
    }
    return (1 - total / (width * height)) / 2;
  }

  it('equals the definition', () => {
    expect(dssim(noisy, wavy)).toBeCloseTo(direct(noisy, wavy), 9);
    expect(dssim(noisy, wavy)).toBeGreaterThan(0.01);
  });

  it('is 0 for equal pictures, of one pixel too, and does not depend on the exposure', () => {
    expect(dssim(wavy, wavy)).toBeCloseTo(0, 12);
    const one = picture(1, 1, () => 0.3);
    expect(dssim(one, one)).toBeCloseTo(0, 12);
    const brighter = (image: Raster): Raster => ({ ...image, data: image.data.map((value) => 16 * value) });
    expect(dssim(brighter(noisy), brighter(wavy))).toBeCloseTo(dssim(noisy, wavy), 6);
  });
});

it('refuses pictures of different sizes', () => {
  for (const metric of [smape, relativeMse, dssim]) {
    expect(() =>
      metric(
        wavy,
        picture(20, 13, () => 0),
      ),
    ).toThrow('20 x 13');
    expect(() => metric(raster(2, 2, 1), raster(2, 2, 1))).toThrow('1 channels');
  }
});
