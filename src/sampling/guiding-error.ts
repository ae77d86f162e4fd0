import { expected, QuietframeError } from '../errors.js';
import { ERROR_EPSILON } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { boxMean } from './box-mean.js';
import type { ErrorMap } from './error-map.js';
import type { GuidingMetric } from './error-metric.js';

/** Pixels on every side over which variances are averaged: those of two half buffers are little better than chance. */
const VARIANCE_RADIUS = 2;
/** Exponents of five scales, the finest first (Wang et al. 2003, equation 7); they add up to 1. */
const SCALE_EXPONENTS = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333];
/** Half the side of the square of pixels that a pixel of each scale covers. */
const SCALE_RADII = [0, 1, 2, 4, 8];

/** What guiding metrics are made of, of one size. */
export interface GuidingInputs {
  /** As predicted. */
  readonly errors: ErrorMap;
  /** Relative variance of the noise as the denoiser knows it, one channel: measured, of two halves, or estimated. */
  readonly relativeVariance: Raster;
  /** Relative variance as the renderer measured it, one channel; sharper than `relativeVariance`. */
  readonly noise?: Raster;
  /** Denoised color, 3 channels, scene-linear; `relative-mse` needs its brightness. */
  readonly denoised?: Raster;
}

/**
 * The predicted error of every pixel by a guiding metric (Vogels et al. 2018, figure 9), row by row:
 *
 * - `smape`: S = |d - r| / (|d| + |r| + 0.01), equation 2, as the network predicts it.
 * - `dssim`: D = (1 - SSIM) / 2, as the network predicts it.
 * - `relative-mse`: (d - r)^2 / (r^2 + 0.01) with |d - r| = S (2 |d| + 0.01) and |r| = |d|, mean of 3 channels. This is S solved
 *   for the difference, to first order.
 * - `relative-variance`: variance of the noisy mean over squared brightness; as measured, otherwise the mean of 5x5 pixels.
 * - `ms-dssim`: (1 - product_j S_j^e_j) / 2 of five scales with the exponents e_j of Wang et al. 2003. S_j = max(0, mean of
 *   1 - 2 D) over the pixels that a pixel of scale j covers, as if a dissimilarity persisted at coarser scales.
 * @throws QuietframeError `invalid-argument` for rasters of another size, and for `relative-mse` without a denoised color.
 */
export function guidingError(
  { errors, relativeVariance, noise, denoised }: GuidingInputs,
  metric: GuidingMetric,
): Float32Array {
  const { smape, dssim } = errors;
  if (noise !== undefined) checkSize(noise, smape, 1, 'noise');
  switch (metric) {
    case 'smape':
    case 'dssim':
      return errors[metric].data;
    case 'relative-mse': {
      checkSize(denoised, smape, 3, 'denoised');
      return relativeSquaredError(smape.data, denoised.data);
    }
    case 'relative-variance':
      return noise?.data ?? meanVariance(relativeVariance);
    case 'ms-dssim':
      return multiScale(dssim);
  }
}

/** Relative variance of the noise, averaged over 5x5 pixels. */
export function meanVariance({ width, height, data }: Raster): Float32Array {
  return boxMean(data, width, height, VARIANCE_RADIUS);
}

function relativeSquaredError(smape: Float32Array, denoised: Float32Array): Float32Array {
  const pixels = smape.length;
  return smape.map((error, i) => {
    let sum = 0;
    for (let c = 0; c < 3; c++) {
      const brightness = Math.abs(denoised[c * pixels + i] as number);
      sum += (error * (2 * brightness + ERROR_EPSILON)) ** 2 / (brightness ** 2 + ERROR_EPSILON);
    }
    return sum / 3;
  });
}

function multiScale({ width, height, data: dssim }: Raster): Float32Array {
  const similarity = dssim.map((value) => 1 - 2 * value);
  const product = new Float32Array(dssim.length).fill(1);
  for (const [j, radius] of SCALE_RADII.entries()) {
    const atScale = radius === 0 ? similarity : boxMean(similarity, width, height, radius);
    const exponent = SCALE_EXPONENTS[j] as number;
    for (let i = 0; i < product.length; i++) {
      product[i] = (product[i] as number) * Math.max(0, atScale[i] as number) ** exponent;
    }
  }
  // Exponents add up to 1 in decimals only, so that a picture without errors could get a negative one.
  return product.map((value) => Math.max(0, (1 - value) / 2));
}

function checkSize(
  given: Raster | undefined,
  { width, height }: Raster,
  channels: number,
  parameter: 'noise' | 'denoised',
): asserts given is Raster {
  if (given?.width === width && given.height === height && given.channels === channels) return;
  const received =
    given === undefined ? 'none' : `${given.width} x ${given.height} with ${given.channels} channels`;
  const what = parameter === 'noise' ? 'the measured noise' : 'the denoised color of relative-mse';
  const range = `${width} x ${height} pixels with ${channels} channel${channels === 1 ? '' : 's'}`;
  throw new QuietframeError('invalid-argument', expected(range, what, received), { parameter });
}
