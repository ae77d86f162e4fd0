import { expected, QuietframeError } from '../errors.js';
import { type Raster, raster } from './raster.js';
import { displayExposure, luminance, toDisplay } from './tonemap.js';
import { warp } from './warp.js';

/** Keeps SMAPE (Vogels et al. 2018, equation 2) and relative squared errors of black pixels finite. */
export const ERROR_EPSILON = 0.01;

/**
 * Symmetric mean absolute percentage error (Vogels et al. 2018, equation 2): the mean over pixels and 3 channels of
 * |d - r| / (|d| + |r| + 0.01). In [0, 1); 0 is equal.
 * @throws QuietframeError `mismatched-frames` when the sizes differ or there are not 3 channels.
 */
export function smape(denoised: Raster, reference: Raster): number {
  return meanOverSamples(
    denoised,
    reference,
    (d, r) => Math.abs(d - r) / (Math.abs(d) + Math.abs(r) + ERROR_EPSILON),
  );
}

/**
 * Relative mean squared error: the mean over pixels and 3 channels of (d - r)^2 / (r^2 + 0.01).
 * @throws QuietframeError `mismatched-frames`.
 */
export function relativeMse(denoised: Raster, reference: Raster): number {
  return meanOverSamples(denoised, reference, (d, r) => (d - r) ** 2 / (r * r + ERROR_EPSILON));
}

/**
 * Structural dissimilarity (1 - SSIM) / 2 of the tone-mapped luminance, in [0, 1]; 0 is equal. SSIM as Wang et al. 2004:
 * Gaussian window of 11x11 and sigma 1.5, K1 = 0.01, K2 = 0.03, range 1; at the border the part of the window inside the
 * picture, renormalised. Both pictures are shown with the reference's exposure.
 * @throws QuietframeError `mismatched-frames`.
 */
export function dssim(denoised: Raster, reference: Raster): number {
  checkAlike(denoised, reference);
  const exposure = displayExposure(reference);
  const d = displayLuminance(denoised, exposure);
  const r = displayLuminance(reference, exposure);
  const { width, height } = reference;
  const blur = (values: Float64Array): Float64Array => gaussianBlur(values, width, height);
  const product = (a: Float64Array, b: Float64Array): Float64Array =>
    a.map((value, i) => value * (b[i] as number));
  const [meanD, meanR] = [blur(d), blur(r)];
  const [squareD, squareR, cross] = [blur(product(d, d)), blur(product(r, r)), blur(product(d, r))];
  const c1 = 0.01 ** 2;
  const c2 = 0.03 ** 2;
  let sum = 0;
  for (let i = 0; i < d.length; i++) {
    const md = meanD[i] as number;
    const mr = meanR[i] as number;
    const varianceSum = (squareD[i] as number) - md * md + (squareR[i] as number) - mr * mr;
    const covariance = (cross[i] as number) - md * mr;
    sum += ((2 * md * mr + c1) * (2 * covariance + c2)) / ((md * md + mr * mr + c1) * (varianceSum + c2));
  }
  return (1 - sum / d.length) / 2;
}

/**
 * Flicker between consecutive pictures of a shot: the mean over channels and pixels of |current - previous|, scene-linear.
 * Where offsets from the current picture to the previous one are given, the previous one is warped by them first, and
 * pixels that come from outside of it do not count. 0 for a picture that only moves, or of which nothing was seen before.
 * @throws QuietframeError `mismatched-frames` when the sizes differ.
 */
export function flicker(current: Raster, previous: Raster, toPrevious?: Raster): number {
  checkAlike(current, previous);
  const still = raster(current.width, current.height, 2);
  const { warped, inside } = warp(previous, toPrevious ?? still);
  let sum = 0;
  let count = 0;
  for (let i = 0; i < current.data.length; i++) {
    if (inside[i % inside.length] === 0) continue;
    sum += Math.abs((current.data[i] as number) - (warped.data[i] as number));
    count++;
  }
  return count === 0 ? 0 : sum / count;
}

function meanOverSamples(
  denoised: Raster,
  reference: Raster,
  error: (d: number, r: number) => number,
): number {
  checkAlike(denoised, reference);
  let sum = 0;
  for (let i = 0; i < reference.data.length; i++) {
    sum += error(denoised.data[i] as number, reference.data[i] as number);
  }
  return sum / reference.data.length;
}

function checkAlike(denoised: Raster, reference: Raster): void {
  const size = ({ width, height, channels }: Raster): string =>
    `${width} x ${height} pixels of ${channels} channels`;
  const range = `${reference.width} x ${reference.height} pixels of 3 channels`;
  if (size(denoised) !== range || size(reference) !== range) {
    const received = size(denoised) === range ? size(reference) : size(denoised);
    throw new QuietframeError(
      'mismatched-frames',
      expected(range, 'two pictures that are compared', received),
    );
  }
}

function displayLuminance(color: Raster, exposure: number): Float64Array {
  return Float64Array.from(luminance(color).data, (value) => toDisplay(exposure * value));
}

const RADIUS = 5;
const WINDOW = Float64Array.from({ length: 2 * RADIUS + 1 }, (_, i) =>
  Math.exp(-((i - RADIUS) ** 2) / (2 * 1.5 ** 2)),
);

function gaussianBlur(values: Float64Array, width: number, height: number): Float64Array {
  const rows = blurAlong(values, width, 1, height, width);
  return blurAlong(rows, height, width, width, 1);
}

/** Blurs `lines` lines of `length` samples, `step` apart within a line and `lineStep` between lines. */
function blurAlong(
  values: Float64Array,
  length: number,
  step: number,
  lines: number,
  lineStep: number,
): Float64Array {
  const blurred = new Float64Array(values.length);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      let weights = 0;
      for (let j = Math.max(0, i - RADIUS); j <= Math.min(length - 1, i + RADIUS); j++) {
        const weight = WINDOW[j - i + RADIUS] as number;
        sum += weight * (values[line * lineStep + j * step] as number);
        weights += weight;
      }
      blurred[line * lineStep + i * step] = sum / weights;
    }
  }
  return blurred;
}
