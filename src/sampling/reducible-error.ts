import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { ERROR_METRICS, type ErrorMetric } from './error-metric.js';

/** Pixels on every side over which variances are averaged: those of two half buffers are little better than chance. */
const RADIUS = 2;
/**
 * What a sharp variance and the error beside it are raised to: powers below 1 leave samples for what neither of them sees.
 * Found by trials, which bench/adaptive tells of.
 */
const MEASURED_POWER = 0.75;
const ERROR_POWER = 0.5;

/**
 * How much of the error another sample takes away: the predicted error times the relative variance of the noisy mean, which
 * is what a sample reduces, averaged over 5x5 pixels; or, where the renderer measured that, error^0.5 variance^0.75, pixel by
 * pixel. Where the input is clean, what is left of the error is the denoiser's own, and samples would be spent on it for
 * nothing. Vogels et al. 2018 take the error alone; bench/adaptive has all three.
 * @param errors planes of `ErrorPredictor`: SMAPE, DSSIM, relative variance.
 * @param noise measured relative variance, one channel, in the place of the third plane.
 * @throws QuietframeError `invalid-argument` for noise of another size.
 */
export function reducibleError(errors: Raster, metric: ErrorMetric, noise?: Raster): Raster {
  const { width, height } = errors;
  if (noise !== undefined && (noise.width !== width || noise.height !== height || noise.channels !== 1)) {
    const received = `${noise.width} x ${noise.height} with ${noise.channels}`;
    const message = expected(`${width} x ${height} pixels with 1 channel`, 'the measured noise', received);
    throw new QuietframeError('invalid-argument', message, { parameter: 'noise' });
  }
  const error = plane(errors, ERROR_METRICS.indexOf(metric));
  if (noise !== undefined) {
    const data = noise.data.map((value, i) => value ** MEASURED_POWER * (error[i] as number) ** ERROR_POWER);
    return raster(width, height, 1, data);
  }
  const variance = boxMean(plane(errors, ERROR_METRICS.length), width, height);
  const data = error.map((value, i) => value * (variance[i] as number));
  return raster(width, height, 1, data);
}

/** Means over squares of pixels, smaller ones at the border. */
function boxMean(values: Float32Array, width: number, height: number): Float32Array {
  return meanAlong(meanAlong(values, width, 1, height, width), height, width, width, 1);
}

/** Means along `lines` lines of `length` samples, `step` apart within a line and `lineStep` between lines. */
function meanAlong(
  values: Float32Array,
  length: number,
  step: number,
  lines: number,
  lineStep: number,
): Float32Array {
  const means = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      const [first, last] = [Math.max(0, i - RADIUS), Math.min(length - 1, i + RADIUS)];
      let sum = 0;
      for (let j = first; j <= last; j++) sum += values[line * lineStep + j * step] as number;
      means[line * lineStep + i * step] = sum / (last - first + 1);
    }
  }
  return means;
}
