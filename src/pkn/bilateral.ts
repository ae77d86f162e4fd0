import type { Raster } from '../image/raster.js';
import { filterByPatches, type NonLocalMeansOptions } from './non-local-means.js';
import { checkMap, type ParameterMap } from './parameter-map.js';

/**
 * Bilateral filter with a 5 x 5 window, channel by channel: non-local means with patches of one pixel.
 * @param map of the filter `bilateral`: one multiplier of the noise sigma in [0, 4]; 0 is the identity.
 * @throws QuietframeError `invalid-argument`.
 */
export function bilateral(image: Raster, map: ParameterMap, options: NonLocalMeansOptions): Raster {
  checkMap(map, 'bilateral', image.width, image.height);
  return filterByPatches(image, map, options, 1);
}
