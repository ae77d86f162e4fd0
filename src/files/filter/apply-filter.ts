import { plane, type Raster, raster } from '../../image/raster.js';
import { luminance } from '../../image/tonemap.js';
import { anisotropicGaussian } from '../../pkn/anisotropic-gaussian.js';
import { bilateral } from '../../pkn/bilateral.js';
import type { PknNetwork } from '../../pkn/network.js';
import { estimateNoiseSigma } from '../../pkn/noise-level.js';
import { nonLocalMeans } from '../../pkn/non-local-means.js';
import { constantMap, PARAMETERS, type ParameterMap, strengthenMap } from '../../pkn/parameter-map.js';
import { estimateBlurSigma, gaussianBlur, polynomialDeblur } from '../../pkn/polynomial-deblur.js';
import { predictStrips } from '../../pkn/predict-strips.js';
import { rbfUpsample } from '../../pkn/rbf-upsample.js';
import { FILTERS, type FilterOptions } from './filter-options.js';

/** Least noise, relative to the range of the picture, that the network was trained with. */
const LEAST_NOISE = 0.004;
/** Least noise that filters divide by, relative to the range: pictures without any are filtered as if they had this. */
const LEAST_SIGMA = 1e-6;
/** Standard deviation of the luminance of noise that has a standard deviation of 1 in each channel. */
const LUMINANCE_NOISE = Math.hypot(0.2126, 0.7152, 0.0722);
const DEFAULT_FACTOR = 2;

export interface FilteredPicture {
  readonly picture: Raster;
  /** As they were applied, after their strength. */
  readonly map: ParameterMap;
  /** Of the noise in each channel, and of the blur that was undone. */
  readonly sigma: number;
  readonly blur?: number;
}

/**
 * Filters a picture of 1 or 3 channels with a classic filter whose parameters are predicted from its luminance (Wronski 2021).
 * @param given parameters in place of the predicted ones.
 * @throws QuietframeError `invalid-argument` for a map that does not fit the picture; `unknown-model` without a head for the
 * filter.
 */
export async function applyFilter(
  picture: Raster,
  options: FilterOptions,
  network: Pick<PknNetwork, 'predict'>,
  given?: ParameterMap,
): Promise<FilteredPicture> {
  const { width, height, channels } = picture;
  const filter = FILTERS[options.with];
  const grey = channels === 3 ? luminance(picture) : picture;
  const range = rangeOf(grey);
  const measured = estimateNoiseSigma(picture).reduce((sum, each) => sum + each, 0) / channels;
  const { sigma: wanted = 'auto', blur: wantedBlur = 'auto', strength = 1 } = options;
  const sigma = Math.max(wanted === 'auto' ? measured : wanted, LEAST_SIGMA * (range || 1));
  const blur =
    filter !== 'polynomial-deblur' ? undefined : wantedBlur === 'auto' ? estimateBlurSigma(grey) : wantedBlur;
  const noiseSigma = Math.max(channels === 3 ? LUMINANCE_NOISE * sigma : sigma, LEAST_NOISE * (range || 1));
  const predict = async (): Promise<ParameterMap> => {
    const map = await predictStrips(network, filter, grey, {
      noiseSigma,
      ...(blur !== undefined && { blurSigma: blur }),
    });
    return options.global ? mean(map, width, height) : map;
  };
  const map = strengthenMap(given ?? (await predict()), strength);
  const filtered = ((): Raster => {
    switch (options.with) {
      case 'nlm':
        return nonLocalMeans(picture, map, { noiseSigma: sigma });
      case 'bilateral':
        return bilateral(picture, map, { noiseSigma: sigma });
      case 'gaussian':
        return anisotropicGaussian(picture, map);
      case 'deblur':
        return polynomialDeblur(picture, map, gaussianBlur(blur as number));
      case 'upscale':
        return rbfUpsample(picture, map, options.factor ?? DEFAULT_FACTOR);
    }
  })();
  return { picture: filtered, map, sigma, ...(blur !== undefined && { blur }) };
}

/** The mean of each parameter, everywhere. */
function mean({ filter, values }: ParameterMap, width: number, height: number): ParameterMap {
  const means = Object.keys(PARAMETERS[filter]).map((name, c): [string, number] => {
    const of = plane(values, c);
    return [name, of.reduce((sum, value) => sum + value, 0) / of.length];
  });
  return constantMap(filter, Object.fromEntries(means), width, height);
}

/** Between the 1st and the 99th percentile. */
function rangeOf({ data }: Raster): number {
  const sorted = data.slice().sort();
  const at = (share: number): number => sorted[Math.round(share * (sorted.length - 1))] as number;
  return at(0.99) - at(0.01);
}

/** Parameters as a picture of their own size, half of the picture's; channels `parameters.<filter>.<name>`. */
export function mapChannels({ filter, values }: ParameterMap): { name: string; data: Float32Array }[] {
  return Object.keys(PARAMETERS[filter]).map((name, c) => ({
    name: `parameters.${filter}.${name}`,
    data: plane(values, c),
  }));
}

/** A channel of opacity with the filter of the picture, if that is another size; else as it is. */
export function alphaOf(
  alpha: Raster,
  { with: name, factor = DEFAULT_FACTOR }: FilterOptions,
  map: ParameterMap,
): Raster {
  if (name !== 'upscale') return alpha;
  const large = rbfUpsample(alpha, map, factor);
  return raster(
    large.width,
    large.height,
    1,
    large.data.map((value) => Math.min(1, Math.max(0, value))),
  );
}
