import type { ModelSummary } from '../denoise/denoiser.js';
import { expected, QuietframeError } from '../errors.js';
import type { SourceName } from '../frame/frame.js';
import { ROLES, type Role } from '../frame/render-source.js';

/** `auto` detects the source from the names of layers and attributes. */
export type SourceChoice = SourceName | 'auto';
export const SOURCE_CHOICES: readonly SourceChoice[] = ['auto', 'cycles', 'mitsuba', 'pbrt', 'generic'];
export const ALPHA_CHOICES = ['copy', 'denoise'] as const;
const MAX_AOVS = 64;
/** What `Number` takes beside these (hexadecimal, spaces) is more likely a mistake. */
const DECIMAL = /^\d+(\.\d*)?(e[+-]?\d+)?$/i;
const OUTPUTS = ['color', 'error', 'samples'];

/** Parameters of `POST /v1/denoise`, checked. What is undefined was not given. */
export interface DenoiseQuery {
  /** Slope of the loss, in [1, 10]. */
  readonly lambda: number;
  /** `name` or `name@version` of a model that is loaded. */
  readonly model?: string;
  readonly source?: SourceChoice;
  readonly alpha?: (typeof ALPHA_CHOICES)[number];
  /** Layers of light to denoise with the kernels of the colour. */
  readonly aovs?: 'all' | readonly string[];
  /** Index of the window's frame to denoise, from 0. */
  readonly center?: number;
  /** Layer by role, over what the renderer's table says; `none` leaves a role out. */
  readonly layers?: Readonly<Partial<Record<Role, string>>>;
}

/**
 * Checks the query of `POST /v1/denoise`.
 * @throws QuietframeError `unknown-parameter`; `invalid-argument` for a value out of range and for a parameter that is
 * given twice; `unknown-model`; `not-implemented` for values that the API has but this version does not serve.
 */
export function parseDenoiseQuery(
  query: Readonly<Record<string, unknown>>,
  models: readonly ModelSummary[],
): DenoiseQuery {
  const parsers: Readonly<Record<string, (value: string) => Partial<DenoiseQuery>>> = {
    lambda: (value) => ({ lambda: parseLambda(value) }),
    model: (value) => ({ model: parseModel(value, models) }),
    source: (value) => ({ source: oneOf(SOURCE_CHOICES, 'source', value) }),
    alpha: (value) => ({ alpha: oneOf(ALPHA_CHOICES, 'alpha', value) }),
    aovs: (value) => ({ aovs: parseAovs(value) }),
    outputs: (value) => checkOutputs(value),
    center: (value) => ({ center: parseCenter(value) }),
    layer: (value) => ({ layers: parseLayers(value) }),
  };
  let parsed: DenoiseQuery = { lambda: 1 };
  for (const [parameter, value] of Object.entries(query)) {
    const parse = Object.hasOwn(parsers, parameter) ? parsers[parameter] : undefined;
    if (parse === undefined) {
      const known = Object.keys(parsers).join(', ');
      throw new QuietframeError('unknown-parameter', expected(known, 'the parameters', parameter), {
        parameter: parameter.slice(0, 80),
      });
    }
    if (typeof value !== 'string') throw invalid('one value', parameter, 'several');
    parsed = { ...parsed, ...parse(value) };
  }
  return parsed;
}

function parseLambda(value: string): number {
  const lambda = DECIMAL.test(value) ? Number(value) : Number.NaN;
  if (!(lambda >= 1 && lambda <= 10)) throw invalid('a number in [1, 10]', 'lambda', value);
  if (lambda !== 1) throw notImplemented('1 (other slopes come with a later model)', 'lambda', value);
  return lambda;
}

function parseModel(value: string, models: readonly ModelSummary[]): string {
  findModel(value, models);
  return value;
}

function parseCenter(value: string): number {
  if (!/^[0-6]$/.test(value)) throw invalid('a whole number in [0, 6]', 'center', value);
  return Number(value);
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

function checkOutputs(value: string): Partial<DenoiseQuery> {
  for (const output of value.split(',')) {
    oneOf(OUTPUTS, 'outputs', output);
    if (output !== 'color') throw notImplemented('color', 'outputs', output);
  }
  return {};
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

function notImplemented(range: string, parameter: string, value: string): QuietframeError {
  return new QuietframeError('not-implemented', expected(range, parameter, value), { parameter });
}
