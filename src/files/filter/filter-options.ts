import { invalidArgument } from '../../errors.js';
import { type Filter, MAX_STRENGTH } from '../../pkn/parameter-map.js';
import { BLUR_SIGMA } from '../../pkn/polynomial-deblur.js';
import { MAX_FACTOR } from '../../pkn/rbf-upsample.js';

/** Filters by the names that users give them. */
export const FILTERS = {
  nlm: 'non-local-means',
  bilateral: 'bilateral',
  gaussian: 'anisotropic-gaussian',
  deblur: 'polynomial-deblur',
  upscale: 'rbf-upsample',
} as const satisfies Record<string, Filter>;
export type FilterName = keyof typeof FILTERS;
export const FILTER_NAMES = ['nlm', 'bilateral', 'gaussian', 'deblur', 'upscale'] as const;

/** How a picture is filtered. */
export interface FilterOptions {
  readonly with: FilterName;
  /** Standard deviation of the noise in each channel; of a PNG in [0, 1]. `auto`, the default, estimates it. */
  readonly sigma?: number | 'auto';
  /** Sigma of the blur that `deblur` undoes, in pixels; `auto`, the default, estimates it. */
  readonly blur?: number | 'auto';
  /** Magnification of `upscale`; 2 by default. */
  readonly factor?: number;
  /** One set of parameters for the whole picture, the mean of those that are predicted. */
  readonly global?: boolean;
  /** What the parameters are scaled by, in [0, 4]. */
  readonly strength?: number;
}

/** @throws QuietframeError `invalid-argument`, naming the parameter. */
export function checkFilterOptions(options: FilterOptions, hasParameters = false): void {
  const { with: name, sigma = 'auto', blur, factor, global = false, strength = 1 } = options;
  if (!FILTER_NAMES.includes(name)) throw invalidArgument(`one of ${FILTER_NAMES.join(', ')}`, 'with', name);
  if (sigma !== 'auto' && !(sigma > 0 && Number.isFinite(sigma)))
    throw invalidArgument('auto, or a number above 0', 'sigma', sigma);
  if (blur !== undefined && name !== 'deblur') throw invalidArgument(`nothing with ${name}`, 'blur', blur);
  const { min, max } = BLUR_SIGMA;
  if (typeof blur === 'number' && !(blur >= min && blur <= max)) {
    throw invalidArgument(`auto, or a number in [${min}, ${max}]`, 'blur', blur);
  }
  if (factor !== undefined && name !== 'upscale')
    throw invalidArgument(`nothing with ${name}`, 'factor', factor);
  if (factor !== undefined && !(factor >= 1 && factor <= MAX_FACTOR)) {
    throw invalidArgument(`a number in [1, ${MAX_FACTOR}]`, 'factor', factor);
  }
  if (!(strength >= 0 && strength <= MAX_STRENGTH)) {
    throw invalidArgument(`a number in [0, ${MAX_STRENGTH}]`, 'strength', strength);
  }
  if (global && hasParameters) throw invalidArgument('nothing with a map of parameters', 'global', global);
}
