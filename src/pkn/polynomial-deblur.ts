import { WasmBuild } from '../engine/wasm-build.js';
import { invalidArgument } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { bands, copyWithBorder, storeBand, strideOf } from './band.js';
import { checkMap, interpolateMap, type ParameterMap } from './parameter-map.js';

/** A blur B: weights of (2 radius + 1)^2 pixels, row by row, that sum to 1. */
export interface Blur {
  readonly radius: number;
  readonly weights: Float32Array;
}

/** Least and most sigma of a Gaussian blur in pixels. */
export const BLUR_SIGMA = { min: 0.3, max: 4 } as const;
const MAX_RADIUS = 16;

/** How far from 1 the weights of a blur may sum. */
const SUM_TOLERANCE = 1e-4;

/**
 * A Gaussian blur that ends at 3 sigma, rounded up.
 * @param sigma in [0.3, 4] pixels.
 * @throws QuietframeError `invalid-argument`.
 */
export function gaussianBlur(sigma: number): Blur {
  const { min, max } = BLUR_SIGMA;
  if (!(sigma >= min && sigma <= max))
    throw invalidArgument(`a number in [${min}, ${max}]`, 'blurSigma', sigma);
  const radius = Math.ceil(3 * sigma);
  const side = 2 * radius + 1;
  const line = Float64Array.from({ length: side }, (_, i) =>
    Math.exp(-((i - radius) ** 2) / (2 * sigma ** 2)),
  );
  const sum = line.reduce((a, b) => a + b);
  const weights = Float32Array.from(
    { length: side * side },
    (_, i) => ((line[Math.floor(i / side)] as number) * (line[i % side] as number)) / sum ** 2,
  );
  return { radius, weights };
}

/**
 * Sharpens a picture that was blurred by B, and denoises where that is better: (a I + b B + c B^2 + d B^3) x with
 * coefficients for every pixel, channel by channel (Delbracio et al. 2020; Wronski 2021, equations 13 and 14).
 * Beyond the border its pixels repeat.
 * @param map of the filter `polynomial-deblur`: b, c, d in [-4, 4]; a = 1 - b - c - d, so that constants stay.
 * @throws QuietframeError `invalid-argument`.
 */
export function polynomialDeblur(image: Raster, map: ParameterMap, blur: Blur): Raster {
  checkBlur(blur);
  checkMap(map, 'polynomial-deblur', image.width, image.height);
  const coefficients = interpolateMap(map.values, image.width, image.height);
  const result = raster(image.width, image.height, image.channels, image.data.slice());
  const pixels = image.width * image.height;
  let blurred = image;
  for (let power = 0; power < 3; power++) {
    blurred = convolve(blurred, blur);
    const weights = plane(coefficients, power);
    for (let i = 0; i < result.data.length; i++) {
      const difference = (blurred.data[i] as number) - (image.data[i] as number);
      result.data[i] = (result.data[i] as number) + (weights[i % pixels] as number) * difference;
    }
  }
  return result;
}

/**
 * Sigma of the isotropic Gaussian that blurred a picture, from its steepest edge: an ideal step of height h has, blurred
 * by sigma, a slope of h / (sigma sqrt(2 pi)). Pixels and central differences blur by themselves: their variance, 1/12 and
 * 1/3 px^2, is subtracted. The height is that of the picture's range between its 1st and 99th percentile, so that edges
 * with less contrast make it an upper estimate.
 * @returns pixels in [0.3, 4]; 0.3 for pictures without edges or noise above their contrast.
 */
export function estimateBlurSigma(image: Raster): number {
  const { width, height } = image;
  let steepest = 0;
  for (let c = 0; c < image.channels; c++) {
    const values = plane(image, c);
    const sorted = values.slice().sort();
    const quantile = (q: number): number => sorted[Math.round(q * (sorted.length - 1))] as number;
    const range = quantile(0.99) - quantile(0.01);
    if (!(range > 0)) continue;
    const slopes = new Float32Array(Math.max(width - 2, 0) * Math.max(height - 2, 0));
    let count = 0;
    for (let y = 1; y + 1 < height; y++) {
      for (let i = y * width + 1; i + 1 < (y + 1) * width; i++) {
        const dx = ((values[i + 1] as number) - (values[i - 1] as number)) / 2;
        const dy = ((values[i + width] as number) - (values[i - width] as number)) / 2;
        slopes[count++] = Math.hypot(dx, dy) / range;
      }
    }
    slopes.sort();
    // The steepest pixels of all may be noise or overshoot.
    steepest = Math.max(steepest, slopes[Math.floor(0.9995 * slopes.length)] ?? 0);
  }
  const { min, max } = BLUR_SIGMA;
  if (steepest === 0) return min;
  const variance = 1 / (2 * Math.PI * steepest ** 2) - 1 / 12 - 1 / 3;
  return Math.min(Math.max(Math.sqrt(Math.max(variance, 0)), min), max);
}

let build: WasmBuild | undefined;

function convolve(image: Raster, blur: Blur): Raster {
  build ??= new WasmBuild('pkn-convolution');
  const filterBand = build.function('filterBand');
  const { width, height, channels } = image;
  const result = raster(width, height, channels);
  const stride = strideOf(width + 2 * blur.radius + 4);
  for (const band of bands(width, height)) {
    const [source, kernel, output] = build.allocate(
      ...[(band.height + 2 * blur.radius) * stride + 16, blur.weights.length, band.height * stride],
    ) as [Float32Array, Float32Array, Float32Array];
    kernel.set(blur.weights);
    for (let c = 0; c < channels; c++) {
      copyWithBorder(plane(image, c), width, height, band, blur.radius, source, stride);
      filterBand(
        ...[band.height, width, stride, blur.radius],
        ...[source.byteOffset, kernel.byteOffset, output.byteOffset],
      );
      storeBand(band, output, stride, plane(result, c), width);
    }
  }
  return result;
}

function checkBlur({ radius, weights }: Blur): void {
  if (!(Number.isInteger(radius) && radius >= 0 && radius <= MAX_RADIUS)) {
    throw invalidArgument(`a whole number from 0 to ${MAX_RADIUS}`, 'the radius of the blur', radius);
  }
  const length = (2 * radius + 1) ** 2;
  if (weights.length !== length) throw invalidArgument(`${length} weights`, 'the blur', weights.length);
  const sum = weights.reduce((a, b) => a + b, 0);
  if (!(Math.abs(sum - 1) <= SUM_TOLERANCE))
    throw invalidArgument('1', 'the sum of the weights of the blur', sum);
}
