import { expected, QuietframeError } from '../errors.js';
import type { Tile } from '../image/region.js';
import type { MapsRequest } from './denoise-file/maps.js';

/** What a request asks for, as far as one wish may leave another without an effect. */
export interface Wishes {
  readonly aovs?: 'all' | readonly string[];
  readonly alpha?: 'auto' | 'copy' | 'denoise';
  readonly components?: 'beauty' | 'split';
  readonly upscale?: number;
  readonly deblur?: number | 'auto';
  readonly region?: Tile;
  readonly maps?: MapsRequest;
  readonly mapsOnly?: boolean;
}

/** Options of a sample map, by the names of their parameters. */
const OF_SAMPLES = {
  budgetSpp: 'budget',
  loop: 'loop',
  minSpp: 'min',
  maxSpp: 'max',
  minLayer: 'min-layer',
  maxLayer: 'max-layer',
  tile: 'tile',
  metric: 'metric',
  weighting: 'weighting',
} as const;

/**
 * Refuses what would be ignored: options of maps that are not made, and what the file of the answer does not hold.
 * @throws QuietframeError `invalid-argument`, naming the parameter.
 */
export function checkEffects({ maps = {}, mapsOnly = false, region, ...wishes }: Wishes): void {
  const { outputs = ['color'] } = maps;
  if (maps.pixels !== undefined && !outputs.includes('kernels')) {
    throw refused('outputs without kernels', 'pixels', 'some');
  }
  if (!outputs.includes('samples')) {
    for (const [option, parameter] of Object.entries(OF_SAMPLES)) {
      const value = maps[option as keyof typeof OF_SAMPLES];
      if (value !== undefined) throw refused('outputs without samples', parameter, value);
    }
  }
  const { aovs, alpha, components, upscale, deblur } = wishes;
  if (region !== undefined) {
    if (upscale !== undefined || deblur !== undefined || outputs.some((output) => output !== 'color')) {
      throw refused('outputs beside color, upscale and deblur', 'region', 'one');
    }
    if (aovs !== undefined) throw refused('a region', 'aovs', aovs);
    if (alpha === 'denoise') throw refused('a region', 'alpha', alpha);
  }
  if (!mapsOnly) return;
  if (region !== undefined) throw refused('maps alone', 'region', 'one');
  const given = {
    ...{ aovs, upscale, deblur },
    alpha: alpha === 'denoise' ? alpha : undefined,
    components: components === 'split' ? components : undefined,
  };
  for (const [parameter, value] of Object.entries(given)) {
    if (value !== undefined) throw refused('maps alone', parameter, value);
  }
}

function refused(beside: string, parameter: string, received: unknown): QuietframeError {
  const message = expected(`nothing with ${beside}`, parameter, received);
  return new QuietframeError('invalid-argument', message, { parameter });
}
