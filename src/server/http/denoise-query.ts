import { DEFAULT_MODEL } from '../../denoise/denoiser.js';
import { checkFinishOptions } from '../../denoise/pkn/finish-options.js';
import type { ModelSummary } from '../../denoise/types.js';
import { PREFILTER_CHOICES, type PrefilterChoice } from '../../denoise/types.js';
import { expected, QuietframeError } from '../../errors.js';
import { checkEffects } from '../../files/check-effects.js';
import { checkMaps, type MapsRequest } from '../../files/denoise-file/maps.js';
import { ROLES, type Role } from '../../frame/layers/render-source.js';
import { namedMotion } from '../../frame/motion/motion.js';
import { SOURCE_NAMES, type SourceName } from '../../frame/source-names.js';
import type { Tile } from '../../image/region.js';
import { parseDecimal } from '../../numbers.js';
import { MAP_PARAMETERS, SAMPLE_MAP_OUTPUTS } from './map-parameters.js';

/** `auto` detects the source from the names of layers and attributes. */
export type SourceChoice = SourceName | 'auto';
export const SOURCE_CHOICES: readonly SourceChoice[] = ['auto', ...SOURCE_NAMES];
export const ALPHA_CHOICES = ['auto', 'copy', 'denoise'] as const;
export const COMPONENT_CHOICES = ['beauty', 'split'] as const;
export const WRAP_CHOICES = ['auto', 'x', 'none'] as const;
const MAX_AOVS = 64;

/** Parameters of `POST /v1/denoise`, checked. What is undefined was not given. */
export interface DenoiseQuery {
  /** Slope of the loss, in [1, 10]. */
  readonly lambda: number;
  /** `name` or `name@version` of a model that is loaded. */
  readonly model?: string;
  readonly source?: SourceChoice;
  /** `auto`, or a source encoder of the model. */
  readonly encoder?: string;
  /** Whether noise is taken out of albedo and normals. */
  readonly prefilter?: PrefilterChoice;
  readonly alpha?: (typeof ALPHA_CHOICES)[number];
  /** Whether irradiance, albedo and specular are denoised on their own. */
  readonly components?: (typeof COMPONENT_CHOICES)[number];
  /** Whether the left border continues at the right one. */
  readonly wrap?: (typeof WRAP_CHOICES)[number];
  /** Layers of light to denoise with the kernels of the colour. */
  readonly aovs?: 'all' | readonly string[];
  /** Index of the window's frame to denoise, from 0. */
  readonly center?: number;
  /** Stereo view, or `all`. */
  readonly view?: string;
  /** How motion vectors are read. */
  readonly motion?: string;
  /** Layer by role, over what the renderer's table says; `none` leaves a role out. */
  readonly layers?: Readonly<Partial<Record<Role, string>>>;
  /** Samples per pixel of the frame, for its variance layers as for the maps. */
  readonly samplesPerPixel?: number;
  /** What predicted parameters of filters are scaled by. */
  readonly strength?: number;
  /** Magnification of the result. */
  readonly upscale?: number;
  /** Sigma of the blur to undo, in pixels. */
  readonly deblur?: number | 'auto';
  /** Pixels from the upper left of the data window that are denoised alone. */
  readonly region?: Tile;
  /** The outputs, and how error map and sample map are made. */
  readonly maps?: MapsRequest;
  /** The answer has the maps alone. */
  readonly mapsOnly?: true;
}

/** What a query belongs to: `POST /v1/denoise` or `POST /v1/sample-map`. */
export type Operation = 'denoise' | 'sample-map';

/**
 * Checks the query of `POST /v1/denoise`, or of `POST /v1/sample-map`, whose outputs are settled.
 * @throws QuietframeError `unknown-parameter`; `invalid-argument` for a value out of range and for a parameter that is
 * given twice; `unknown-model`.
 */
export function parseDenoiseQuery(
  query: Readonly<Record<string, unknown>>,
  models: readonly ModelSummary[],
  operation: Operation = 'denoise',
): DenoiseQuery {
  const parsers: Readonly<Record<string, (value: string) => Partial<DenoiseQuery>>> = {
    lambda: (value) => ({ lambda: parseLambda(value) }),
    model: (value) => ({ model: parseModel(value, models) }),
    source: (value) => ({ source: oneOf(SOURCE_CHOICES, 'source', value) }),
    encoder: (value) => ({ encoder: value }),
    prefilter: (value) => ({ prefilter: oneOf(PREFILTER_CHOICES, 'prefilter', value) }),
    alpha: (value) => ({ alpha: oneOf(ALPHA_CHOICES, 'alpha', value) }),
    components: (value) => ({ components: oneOf(COMPONENT_CHOICES, 'components', value) }),
    wrap: (value) => ({ wrap: oneOf(WRAP_CHOICES, 'wrap', value) }),
    aovs: (value) => ({ aovs: parseAovs(value) }),
    center: (value) => ({ center: parseCenter(value) }),
    layer: (value) => ({ layers: parseLayers(value) }),
    motion: (value) => ({ motion: parseMotion(value) }),
    view: (value) => ({ view: parseView(value) }),
    region: (value) => ({ region: parseRegion(value) }),
    strength: (value) => ({ strength: parseNumber('strength', value) }),
    upscale: (value) => ({ upscale: parseNumber('upscale', value) }),
    deblur: (value) => ({ deblur: value === 'auto' ? value : parseNumber('deblur', value) }),
  };
  const mapsOnly = operation === 'sample-map';
  let maps: MapsRequest = mapsOnly ? { outputs: SAMPLE_MAP_OUTPUTS } : {};
  let parsed: DenoiseQuery = { lambda: 1, ...(mapsOnly && { mapsOnly }) };
  for (const [parameter, value] of Object.entries(query)) {
    const parse = Object.hasOwn(parsers, parameter) ? parsers[parameter] : undefined;
    const parseMap = mapsOnly && parameter === 'outputs' ? undefined : MAP_PARAMETERS.get(parameter);
    if (parse === undefined && parseMap === undefined) {
      const mapParameters = [...MAP_PARAMETERS.keys()].filter((name) => !mapsOnly || name !== 'outputs');
      const known = [...Object.keys(parsers), ...mapParameters].join(', ');
      throw new QuietframeError('unknown-parameter', expected(known, 'the parameters', parameter), {
        parameter: parameter.slice(0, 80),
      });
    }
    if (typeof value !== 'string') throw invalid('one value', parameter, 'several');
    parsed = { ...parsed, ...parse?.(value) };
    maps = { ...maps, ...parseMap?.(value) };
  }
  checkMaps(maps);
  checkFinishOptions(parsed);
  const { renderedSpp } = maps;
  const complete: DenoiseQuery = {
    ...parsed,
    ...(Object.keys(maps).length > 0 && { maps }),
    ...(renderedSpp !== undefined && { samplesPerPixel: renderedSpp }),
  };
  checkEffects(complete);
  if (complete.encoder !== undefined) checkEncoder(complete.encoder, complete.model ?? DEFAULT_MODEL, models);
  return complete;
}

function parseLambda(value: string): number {
  const lambda = parseDecimal(value);
  if (!(lambda >= 1 && lambda <= 10)) throw invalid('a number in [1, 10]', 'lambda', value);
  return lambda;
}

function parseNumber(parameter: string, value: string): number {
  const number = parseDecimal(value);
  if (Number.isNaN(number)) throw invalid('a decimal number', parameter, value);
  return number;
}

function parseModel(value: string, models: readonly ModelSummary[]): string {
  findModel(value, models);
  return value;
}

/** Which version predicts errors is for the denoiser to find out: an encoder of any of them is let through. */
function checkEncoder(encoder: string, model: string, models: readonly ModelSummary[]): void {
  if (encoder === 'auto') return;
  const named = models.filter(({ name, version }) => model === name || model === `${name}@${version}`);
  const encoders = [...new Set(named.flatMap(({ sources }) => sources))];
  if (!encoders.includes(encoder)) throw invalid(['auto', ...encoders].join(', '), 'encoder', encoder);
}

function parseCenter(value: string): number {
  if (!/^[0-6]$/.test(value)) throw invalid('a whole number in [0, 6]', 'center', value);
  return Number(value);
}

/** `x,y,width,height`; whether it is in the picture is checked when that is known. */
function parseRegion(value: string): Tile {
  const match = /^(\d{1,7}),(\d{1,7}),(\d{1,7}),(\d{1,7})$/.exec(value);
  const [x, y, width, height] = (match?.slice(1) ?? []).map(Number);
  if (x === undefined || y === undefined || !width || !height) {
    throw invalid('x,y,width,height in pixels', 'region', value);
  }
  return { x, y, width, height };
}

function parseMotion(value: string): string {
  if (value !== 'auto') namedMotion(value);
  return value;
}

function parseView(value: string): string {
  if (value === '' || value.length > 255) throw invalid('all, or the name of a view', 'view', value);
  return value;
}

function parseAovs(value: string): 'all' | readonly string[] {
  if (value === 'all') return value;
  const names = value.split(',').map((name) => name.trim());
  if (names.includes('') || names.length > MAX_AOVS) {
    throw invalid(`all, or at most ${MAX_AOVS} names of layers with commas between`, 'aovs', value);
  }
  return names;
}

/** `role=layer`, several with commas between. */
function parseLayers(value: string): Partial<Record<Role, string>> {
  const layers: Partial<Record<Role, string>> = {};
  for (const pair of value.split(',')) {
    const equals = pair.indexOf('=');
    const role = ROLES.find((candidate) => candidate === pair.slice(0, equals).trim());
    const layer = pair.slice(equals + 1).trim();
    if (role === undefined || layer === '' || Object.hasOwn(layers, role)) {
      const range = `role=layer with a role of ${ROLES.join(', ')}, each once, with commas between,`;
      throw invalid(range, 'layer', value);
    }
    layers[role] = layer;
  }
  return layers;
}

/**
 * The model of the name, in the newest version where none is given.
 * @throws QuietframeError `unknown-model`.
 */
export function findModel<Model extends Pick<ModelSummary, 'name' | 'version'>>(
  name: string,
  models: readonly Model[],
): Model {
  const model = models
    .filter((candidate) => name === candidate.name || name === `${candidate.name}@${candidate.version}`)
    .sort((a, b) => b.version - a.version)[0];
  if (model === undefined) {
    const known = models.map((candidate) => `${candidate.name}@${candidate.version}`).join(', ');
    throw new QuietframeError('unknown-model', expected(known, 'model', name), { parameter: 'model' });
  }
  return model;
}

function oneOf<T extends string>(choices: readonly T[], parameter: string, value: string): T {
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw invalid(choices.join(', '), parameter, value);
  return choice;
}

function invalid(range: string, parameter: string, value: string): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, parameter, value), { parameter });
}
