import { type Raster, raster } from '../image/raster.js';
import { ALLOCATION_DEFAULTS, type AllocationOptions, allocateSamples } from './allocate-samples.js';
import type { GuidingMetric, Weighting } from './error-metric.js';
import { type GuidingInputs, guidingError } from './guiding-error.js';
import { reducibleError } from './reducible-error.js';
import { DENSITY_DEFAULTS, type DensityOptions, PROPORTIONAL, samplingDensity } from './sampling-density.js';

/** How samples are planned; the budget has no default. */
export interface SamplePlanOptions extends Partial<DensityOptions>, Partial<AllocationOptions> {
  readonly budgetSpp: number;
  /** The error that guides; `smape` by default, which Vogels et al. found to be good by all measures. */
  readonly metric?: GuidingMetric;
  /** `reducible` by default. With `error` density is proportional to the metric: no floor, ceiling or dilation by default. */
  readonly weighting?: Weighting;
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
 * @throws QuietframeError as `guidingError`, `samplingDensity` and `allocateSamples`.
 */
export function planSamples(inputs: GuidingInputs, options: SamplePlanOptions): SamplePlan {
  const { metric = 'smape', weighting = 'reducible' } = options;
  const { width, height } = inputs.errors.smape;
  const density =
    weighting === 'error'
      ? samplingDensity(raster(width, height, 1, guidingError(inputs, metric)), {
          ...PROPORTIONAL,
          ...options,
        })
      : samplingDensity(reducibleError(inputs, metric), { ...DENSITY_DEFAULTS, ...options });
  return { density, samples: allocateSamples(density, { ...ALLOCATION_DEFAULTS, ...options }) };
}
