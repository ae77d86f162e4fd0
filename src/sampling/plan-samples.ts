import { type Raster, raster } from '../image/raster.js';
import { ALLOCATION_DEFAULTS, type AllocationOptions, allocateSamples } from './allocate-samples.js';
import { DENSITY_DEFAULTS, type DensityOptions, samplingDensity } from './sampling-density.js';

/** Planes of an error map, in order. */
export const ERROR_METRICS = ['smape', 'dssim'] as const;
export type ErrorMetric = (typeof ERROR_METRICS)[number];

/** How samples are planned; the budget has no default. */
export interface SamplePlanOptions extends Partial<DensityOptions>, Partial<AllocationOptions> {
  readonly budgetSpp: number;
  /** The error that guides; `smape` by default, which Vogels et al. found to be good by all measures. */
  readonly metric?: ErrorMetric;
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
 * @param errors planes as {@link ERROR_METRICS}, in [0, 1].
 * @throws QuietframeError as `samplingDensity` and `allocateSamples`.
 */
export function planSamples(errors: Raster, options: SamplePlanOptions): SamplePlan {
  const { metric = 'smape' } = options;
  const { width, height } = errors;
  const size = width * height;
  const index = ERROR_METRICS.indexOf(metric);
  const error = raster(width, height, 1, errors.data.subarray(index * size, (index + 1) * size));
  const density = samplingDensity(error, { ...DENSITY_DEFAULTS, ...options });
  return { density, samples: allocateSamples(density, { ...ALLOCATION_DEFAULTS, ...options }) };
}
