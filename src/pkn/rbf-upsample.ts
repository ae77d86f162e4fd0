import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { gaussianRbf, magnified, type RbfGuide } from './gaussian-rbf.js';
import { checkMap, completeMap, interpolateMap, type ParameterMap, positions } from './parameter-map.js';
import { unsharpDetail } from './unsharp-mask.js';

/** The window is 7 x 7 input pixels. */
const RADIUS = 3;

/** The largest magnification. */
export const MAX_FACTOR = 8;

/**
 * Magnifies by any factor, whole or not, and denoises on the way, channel by channel (Wronski 2021, section 4.3). The map
 * belongs to the picture, not to the factor: it serves all magnifications. A factor of 1 gives a copy of the picture: where
 * nothing is magnified, {@link anisotropicGaussian} is the filter to denoise with. Gaussian weights are never negative; an
 * unsharp mask of the predicted sharpness gives the edges back, within the range of the 3x3 input pixels around.
 * @param map of the filter `rbf-upsample`: sigma1, sigma2 in [0, 4] input pixels, rho in [-1, 1], sharpness in [0, 4]; maps
 * without a sharpness have 0.
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
  const { filter, values } = completeMap(map);
  checkMap({ filter, values }, 'rbf-upsample', image.width, image.height);
  if (factor === 1) return raster(image.width, image.height, image.channels, image.data.slice());
  const cells = values.width * values.height;
  const shapes = raster(values.width, values.height, 3, values.data.subarray(0, 3 * cells));
  const sharpness = raster(values.width, values.height, 1, values.data.subarray(3 * cells));
  const options = { factor, radius: RADIUS, guide };
  const result = gaussianRbf(image, shapes, options);
  if (sharpness.data.some((value) => value > 0)) {
    sharpen(result, gaussianRbf(unsharpDetail(image), shapes, options), sharpness, image, factor);
  }
  return result;
}

/** Adds sharpness times the detail in place, and goes no further than the 3x3 input pixels around or than the result was. */
function sharpen(result: Raster, detail: Raster, sharpness: Raster, image: Raster, factor: number): void {
  const { width, height } = result;
  const amounts = interpolateMap(sharpness, width, height, factor).data;
  const columns = neighbors(width, image.width, factor);
  const rows = neighbors(height, image.height, factor);
  for (let c = 0; c < result.channels; c++) {
    const [input, target, details] = [plane(image, c), plane(result, c), plane(detail, c)];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        const smooth = target[i] as number;
        let [low, high] = [smooth, smooth];
        for (const row of rows[y] as readonly number[]) {
          for (const column of columns[x] as readonly number[]) {
            const value = input[row * image.width + column] as number;
            if (value < low) low = value;
            if (value > high) high = value;
          }
        }
        const sharp = smooth + (amounts[i] as number) * (details[i] as number);
        // Beside infinite pixels, detail is not a number.
        if (Number.isFinite(sharp)) target[i] = Math.min(Math.max(sharp, low), high);
      }
    }
  }
}

/** For every output pixel of an axis the nearest input pixel and those beside it. */
function neighbors(count: number, size: number, factor: number): readonly (readonly number[])[] {
  return Array.from(positions(count, factor), (position) =>
    [-1, 0, 1].map((offset) => Math.min(Math.max(Math.floor(position + 0.5) + offset, 0), size - 1)),
  );
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
