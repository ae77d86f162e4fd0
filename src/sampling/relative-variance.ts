import { type Raster, raster } from '../image/raster.js';

/** Keeps relative variances of black pixels finite, as the features of the denoiser do. */
const EPSILON = 1e-4;

/** Variance of a mean relative to the square of its brightness, both exposed; at most 1. */
export function relativeVariance(variance: number, brightness: number): number {
  return Math.min(1, variance / (brightness ** 2 + EPSILON));
}

/**
 * Relative variances of all pixels: one channel in [0, 1].
 * @param color 3 channels, whose mean is the brightness.
 * @param variance of the mean, one channel, finite and not negative.
 * @param exposure as the denoiser used it.
 */
export function relativeVariances(color: Raster, variance: Raster, exposure: number): Raster {
  const { width, height, data } = color;
  const plane = width * height;
  const result = raster(width, height, 1);
  for (let i = 0; i < plane; i++) {
    let brightness = 0;
    for (let c = 0; c < 3; c++) brightness += (exposure * (data[c * plane + i] as number)) / 3;
    result.data[i] = relativeVariance(exposure ** 2 * (variance.data[i] as number), brightness);
  }
  return result;
}
