import type { Raster } from '../image/raster.js';
import { ALLOCATION_DEFAULTS, type AllocationOptions, allocateSamples } from './allocate-samples.js';
import type { ErrorMetric } from './error-metric.js';
import { reducibleError } from './reducible-error.js';
import { DENSITY_DEFAULTS, type DensityOptions, samplingDensity } from './sampling-density.js';

/** How samples are planned; the budget has no default. */
export interface SamplePlanOptions extends Partial<DensityOptions>, Partial<AllocationOptions> {
  readonly budgetSpp: number;
  /** The error that guides; `smape` by default, which Vogels et al. found to be good by all measures. */
  readonly metric?: ErrorMetric;
  /** Relative variance of the noise as the renderer measured it, where it did: one channel; sharper than that of `errors`. */
  readonly noise?: Raster;
}

/** Where a renderer is to spend its next samples. */
export interface SamplePlan {
  /** One channel with the mean 1. */
  readonly density: Raster;
  /** Samples per pixel, row by row. */
  readonly samples: Uint32Array;
}

/**
 * From predicted errors to samples.
 * @param errors planes of `ErrorPredictor`: SMAPE, DSSIM, relative variance.
 * @throws QuietframeError as `reducibleError`, `samplingDensity` and `allocateSamples`.
 */
export function planSamples(errors: Raster, options: SamplePlanOptions): SamplePlan {
  const { metric = 'smape', noise } = options;
  const density = samplingDensity(reducibleError(errors, metric, noise), { ...DENSITY_DEFAULTS, ...options });
  return { density, samples: allocateSamples(density, { ...ALLOCATION_DEFAULTS, ...options }) };
}
