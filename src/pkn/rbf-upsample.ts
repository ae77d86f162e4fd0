import { expected, QuietframeError } from '../errors.js';
import { type Raster, raster } from '../image/raster.js';
import { gaussianRbf, magnified, type RbfGuide } from './gaussian-rbf.js';
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
 * @param guide makes pixels count less whose buffers differ from those at the new resolution.
 * @throws QuietframeError `invalid-argument`; `mismatched-frames` when the guide has another size.
 */
export function rbfUpsample(image: Raster, map: ParameterMap, factor: number, guide?: RbfGuide): Raster {
  if (!(factor >= 1 && factor <= MAX_FACTOR)) {
    const message = expected(`a number in [1, ${MAX_FACTOR}]`, 'factor', factor);
    throw new QuietframeError('invalid-argument', message, { parameter: 'factor' });
  }
  if (guide !== undefined) checkGuide(guide, image, factor);
  checkMap(map, 'rbf-upsample', image.width, image.height);
  if (factor === 1) return raster(image.width, image.height, image.channels, image.data.slice());
  return gaussianRbf(image, map.values, { factor, radius: RADIUS, guide });
}

function checkGuide({ low, high }: RbfGuide, { width, height }: Raster, factor: number): void {
  const size = (w: number, h: number, channels: number): string => `${w} x ${h} pixels, ${channels} channels`;
  const sizes = [
    ['the guide', size(low.width, low.height, low.channels), size(width, height, low.channels)],
    [
      'the guide of the new size',
      size(high.width, high.height, high.channels),
      size(magnified(width, factor), magnified(height, factor), low.channels),
    ],
  ] as const;
  for (const [name, received, wanted] of sizes) {
    if (received === wanted) continue;
    throw new QuietframeError('mismatched-frames', expected(wanted, name, received), { layer: name });
  }
}
