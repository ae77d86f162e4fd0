import { expected, QuietframeError } from '../errors.js';
import { type Raster, raster } from '../image/raster.js';
import { gaussianRbf } from './gaussian-rbf.js';
import { checkMap, type ParameterMap } from './parameter-map.js';

/** The window is 7 x 7 input pixels. */
const RADIUS = 3;

/** The largest magnification. */
export const MAX_FACTOR = 8;

/**
 * Magnifies by any factor, whole or not, and denoises on the way, channel by channel (Wronski 2021, section 4.3). The map
 * belongs to the picture, not to the factor: it serves all magnifications. A factor of 1 gives a copy of the picture: where
 * nothing is magnified, {@link anisotropicGaussian} is the filter to denoise with.
 * @param map of the filter `rbf-upsample`: sigma1, sigma2 in [0, 4] input pixels, rho in [-1, 1].
 * @param factor in [1, 8]; the result has round(width * factor) x round(height * factor) pixels.
 * @throws QuietframeError `invalid-argument`.
 */
export function rbfUpsample(image: Raster, map: ParameterMap, factor: number): Raster {
  if (!(factor >= 1 && factor <= MAX_FACTOR)) {
    const message = expected(`a number in [1, ${MAX_FACTOR}]`, 'factor', factor);
    throw new QuietframeError('invalid-argument', message, { parameter: 'factor' });
  }
  checkMap(map, 'rbf-upsample', image.width, image.height);
  if (factor === 1) return raster(image.width, image.height, image.channels, image.data.slice());
  return gaussianRbf(image, map.values, { factor, radius: RADIUS });
}
