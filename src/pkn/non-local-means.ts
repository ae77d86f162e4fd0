import { WasmBuild } from '../engine/wasm-build.js';
import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { bands, copyBand, copyWithBorder, storeBand, strideOf } from './band.js';
import { checkNoiseSigma } from './noise-level.js';
import { checkMap, interpolateMap, type ParameterMap } from './parameter-map.js';

/** Side of the window in pixels. */
const WINDOW_RADIUS = 2;

/** Fixed in all of the paper's experiments; pixels. */
export const SPATIAL_SIGMA = 2;

export interface NonLocalMeansOptions {
  /** Standard deviation of the noise, above 0, in units of the picture. */
  readonly noiseSigma: number;
  /** Standard deviation of the spatial falloff in pixels, above 0; 2 by default, Infinity for none. */
  readonly spatialSigma?: number;
}

let build: WasmBuild | undefined;

/**
 * Non-local means with 3 x 3 patches and a 5 x 5 window, channel by channel (Wronski 2021, equations 1 to 3). The signal
 * sigma of a pixel is its multiplier, bilinearly between the values of the map, times `noiseSigma`: neighbor q of p weighs
 * exp(-|p-q|^2 / (2 spatial^2)) exp(-d / (2 signal_p^2)), d the mean squared difference of their patches, p itself 1.
 * @param map of the filter `non-local-means`: one multiplier in [0, 4]; 0 is the identity.
 * @throws QuietframeError `invalid-argument`.
 */
export function nonLocalMeans(image: Raster, map: ParameterMap, options: NonLocalMeansOptions): Raster {
  checkMap(map, 'non-local-means', image.width, image.height);
  return filterByPatches(image, map, options, 3);
}

/**
 * Common ground of {@link nonLocalMeans} and the bilateral filter, which has patches of one pixel; the map is checked.
 */
export function filterByPatches(
  image: Raster,
  map: ParameterMap,
  { noiseSigma, spatialSigma = SPATIAL_SIGMA }: NonLocalMeansOptions,
  patchSize: 1 | 3,
): Raster {
  checkNoiseSigma(noiseSigma);
  if (!(spatialSigma > 0)) {
    const message = expected('a number above 0', 'spatialSigma', spatialSigma);
    throw new QuietframeError('invalid-argument', message, { parameter: 'spatialSigma' });
  }
  build ??= new WasmBuild('pkn-non-local-means');
  const filterBand = build.function('filterBand');
  const { width, height, channels } = image;
  const multipliers = interpolateMap(map.values, width, height).data;
  const result = raster(width, height, channels);
  const reach = patchSize >> 1;
  const border = WINDOW_RADIUS + reach;
  const stride = strideOf(width + 12);
  for (const band of bands(width, height)) {
    const size = band.height * stride;
    const [source, signal, output, total, squares] = build.allocate(
      (band.height + 2 * border) * stride + 16,
      ...[size, size, size],
      (band.height + 2) * stride + 16,
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];
    for (let c = 0; c < channels; c++) {
      copyWithBorder(plane(image, c), width, height, band, border, source, stride);
      copyBand(multipliers, width, band, signal, stride);
      filterBand(
        ...[band.height, width, stride, reach],
        ...[1 / noiseSigma ** 2, 1 / (2 * spatialSigma ** 2)],
        ...[source, signal, output, total, squares].map(({ byteOffset }) => byteOffset),
      );
      storeBand(band, output, stride, plane(result, c), width);
    }
  }
  return result;
}
