import { type Raster, raster } from '../image/raster.js';
import type { GuidingMetric } from './error-metric.js';
import { type GuidingInputs, guidingError, meanVariance } from './guiding-error.js';

/**
 * What a sharp variance and the error beside it are raised to: powers below 1 leave samples for what neither of them sees.
 * Found by trials, see bench/adaptive.
 */
const MEASURED_POWER = 0.75;
const ERROR_POWER = 0.5;

/**
 * How much of the error another sample takes away: the predicted error times the relative variance of the noisy mean, which
 * is what a sample reduces, averaged over 5x5 pixels; or, where the renderer measured that, error^0.5 variance^0.75, pixel by
 * pixel. Where the input is clean, the remaining error is the denoiser's own, and samples would be spent on it for
 * nothing. Vogels et al. 2018 take the error alone; bench/adaptive has all three. The metric `relative-variance` is not
 * multiplied by itself.
 * @throws QuietframeError as `guidingError`.
 */
export function reducibleError(inputs: GuidingInputs, metric: GuidingMetric): Raster {
  const { errors, relativeVariance, noise } = inputs;
  const { width, height } = errors.smape;
  const error = guidingError(inputs, metric);
  if (metric === 'relative-variance') return raster(width, height, 1, error);
  if (noise !== undefined) {
    const data = noise.data.map((value, i) => value ** MEASURED_POWER * (error[i] as number) ** ERROR_POWER);
    return raster(width, height, 1, data);
  }
  const variance = meanVariance(relativeVariance);
  const data = error.map((value, i) => value * (variance[i] as number));
  return raster(width, height, 1, data);
}
