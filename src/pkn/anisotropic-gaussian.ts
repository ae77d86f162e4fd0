import type { Raster } from '../image/raster.js';
import { gaussianRbf } from './gaussian-rbf.js';
import { checkMap, type ParameterMap } from './parameter-map.js';

/** The window is 9 x 9 pixels. */
const RADIUS = 4;

/**
 * Denoises with a Gaussian of its own shape for every pixel, channel by channel (Wronski 2021, section 4.1,
 * equation 11).
 * @param map of the filter `anisotropic-gaussian`: sigma1 (along x) and sigma2 (along y) in [0, 4] pixels and their
 * correlation rho in [-1, 1]; or of `isotropic-gaussian`: one sigma. Sigmas of 0 are the identity.
 * @throws QuietframeError `invalid-argument`.
 */
export function anisotropicGaussian(image: Raster, map: ParameterMap): Raster {
  const filter = map.filter === 'isotropic-gaussian' ? map.filter : 'anisotropic-gaussian';
  checkMap(map, filter, image.width, image.height);
  return gaussianRbf(image, map.values, { factor: 1, radius: RADIUS });
}
