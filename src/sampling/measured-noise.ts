import { type Raster, raster } from '../image/raster.js';

/** Keeps noise in what is nearly black, where nobody sees it, from drawing samples. */
const DARKNESS = 1e-3;

/**
 * Relative variances of all pixels as a renderer measured them, to plan samples by: one channel in [0, 1].
 * @param color 3 channels, whose mean is the brightness.
 * @param variance of the mean, one channel, finite and not negative.
 * @param exposure as the denoiser used it.
 */
export function measuredNoise(color: Raster, variance: Raster, exposure: number): Raster {
  const { width, height, data } = color;
  const plane = width * height;
  const result = raster(width, height, 1);
  for (let i = 0; i < plane; i++) {
    let brightness = 0;
    for (let c = 0; c < 3; c++) brightness += (exposure * (data[c * plane + i] as number)) / 3;
    const exposed = exposure ** 2 * (variance.data[i] as number);
    result.data[i] = Math.min(1, exposed / (brightness ** 2 + DARKNESS));
  }
  return result;
}
