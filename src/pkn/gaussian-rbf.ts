import { WasmBuild } from '../engine/wasm-build.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { bands, copyBand, storeBand, strideOf } from './band.js';
import { interpolateMap, positions } from './parameter-map.js';

/** Bounds that keep the covariance invertible; a Gaussian of sigma 0.1 has no weight but at its centre. */
const MIN_SIGMA = 0.1;
const MAX_CORRELATION = 0.99;

/** Buffers that tell which pixels belong together, in units of the difference that counts; the same channels each. */
export interface RbfGuide {
  /** Of the size of the picture. */
  readonly low: Raster;
  /** Of the size of the result. */
  readonly high: Raster;
}

let build: WasmBuild | undefined;

/**
 * Magnifies a picture, channel by channel, with anisotropic Gaussian radial basis functions (Wronski 2021, equation 11).
 * Output pixel X lies at (X + 1/2) / factor - 1/2 of the input and is the mean of the (2 radius + 1)^2 pixels around it
 * under exp(-1/2 d^T P d); the precision matrices P are those of the map, interpolated bilinearly. Beyond the border of
 * the picture its border pixels repeat. A factor of 1 filters the picture in place. With a guide, weights are multiplied by
 * exp(-|difference of the guides|^2), by no less than 2^-10.
 * @param parameters at half the resolution of the image: sigma1 (along x), sigma2 (along y), rho; or one sigma.
 */
export function gaussianRbf(
  image: Raster,
  parameters: Raster,
  {
    factor,
    radius,
    guide,
  }: { readonly factor: number; readonly radius: number; readonly guide?: RbfGuide | undefined },
): Raster {
  build ??= new WasmBuild('pkn-gaussian');
  const filterBand = build.function('filterBand');
  const width = magnified(image.width, factor);
  const height = magnified(image.height, factor);
  const result = raster(width, height, image.channels);
  const precision = interpolateMap(precisionMatrices(parameters), width, height, factor);
  const columns = nearest(width, factor);
  const rows = nearest(height, factor);
  const stride = strideOf(width);
  const side = 2 * radius + 1;
  for (const band of bands(width, height)) {
    const firstRow = (rows.index[band.y] as number) - radius;
    const inputRows = (rows.index[band.y + band.height - 1] as number) + radius + 1 - firstRow;
    const size = band.height * stride;
    const guideCount = guide?.low.channels ?? 0;
    const tapSize = inputRows * side * stride;
    const [taps, offsets, firstRows, rowOffsets, matrices, output, guides, guideTaps] = build.allocate(
      ...[tapSize, stride, band.height, band.height, 3 * size, size],
      ...[guideCount * size, guideCount * tapSize],
    ) as Arrays;
    const spread = (values: Float32Array, target: Float32Array, begin: number): void => {
      for (let j = 0; j < inputRows; j++) {
        const from = clamp(firstRow + j, image.height) * image.width;
        const at = begin + j * side * stride;
        spreadRow(values, from, image.width, columns.index, radius, target, at, stride);
      }
    };
    offsets.set(columns.offset);
    rowOffsets.set(rows.offset.subarray(band.y, band.y + band.height));
    const indices = new Int32Array(firstRows.buffer, firstRows.byteOffset, band.height);
    for (let y = 0; y < band.height; y++) indices[y] = (rows.index[band.y + y] as number) - radius - firstRow;
    for (let c = 0; c < 3; c++) {
      copyBand(plane(precision, c), width, band, matrices.subarray(c * size), stride);
    }
    for (let g = 0; guide !== undefined && g < guideCount; g++) {
      copyBand(plane(guide.high, g), width, band, guides.subarray(g * size), stride);
      spread(plane(guide.low, g), guideTaps, g * tapSize);
    }
    for (let c = 0; c < image.channels; c++) {
      spread(plane(image, c), taps, 0);
      filterBand(
        ...[band.height, width, stride, radius],
        ...[taps, offsets, firstRows, rowOffsets, matrices, output].map(({ byteOffset }) => byteOffset),
        ...[guideCount, guides.byteOffset, guideTaps.byteOffset, 4 * tapSize],
      );
      storeBand(band, output, stride, plane(result, c), width);
    }
  }
  return result;
}

/** In the order of the layout. */
type Arrays = readonly [
  ...[Float32Array, Float32Array, Float32Array, Float32Array],
  ...[Float32Array, Float32Array, Float32Array, Float32Array],
];

/** Pixels of an axis of `pixels` pixels after magnification. */
export function magnified(pixels: number, factor: number): number {
  return Math.max(Math.round(pixels * factor), 1);
}

/** The inverses of the covariance matrices of equation 12 as three channels: xx, xy, yy. */
function precisionMatrices(parameters: Raster): Raster {
  const { width, height } = parameters;
  const result = raster(width, height, 3);
  const isotropic = parameters.channels === 1;
  const sigmas1 = plane(parameters, 0);
  const sigmas2 = isotropic ? sigmas1 : plane(parameters, 1);
  const rhos = isotropic ? undefined : plane(parameters, 2);
  const [xx, xy, yy] = [plane(result, 0), plane(result, 1), plane(result, 2)];
  for (let i = 0; i < width * height; i++) {
    const sigma1 = Math.max(sigmas1[i] as number, MIN_SIGMA);
    const sigma2 = Math.max(sigmas2[i] as number, MIN_SIGMA);
    const rho = Math.min(Math.max(rhos?.[i] ?? 0, -MAX_CORRELATION), MAX_CORRELATION);
    const scale = 1 / (1 - rho * rho);
    xx[i] = scale / (sigma1 * sigma1);
    xy[i] = (-rho * scale) / (sigma1 * sigma2);
    yy[i] = scale / (sigma2 * sigma2);
  }
  return result;
}

/** The input pixel nearest to every output pixel of an axis, and the way to it. */
function nearest(count: number, factor: number): { index: Int32Array; offset: Float32Array } {
  const index = new Int32Array(count);
  const offset = new Float32Array(count);
  positions(count, factor).forEach((position, i) => {
    index[i] = Math.floor(position + 0.5);
    offset[i] = (index[i] as number) - position;
  });
  return { index, offset };
}

/** For each of the 2 radius + 1 taps a row of what it sees at every output column. */
function spreadRow(
  values: Float32Array,
  row: number,
  width: number,
  index: Int32Array,
  radius: number,
  target: Float32Array,
  at: number,
  stride: number,
): void {
  for (let dx = -radius; dx <= radius; dx++, at += stride) {
    for (let x = 0; x < index.length; x++) {
      target[at + x] = values[row + clamp((index[x] as number) + dx, width)] as number;
    }
  }
}

function clamp(at: number, size: number): number {
  return Math.min(Math.max(at, 0), size - 1);
}
