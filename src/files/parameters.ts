import type { MapsRequest } from './denoise-file/maps.js';
import type { DenoiseExrRequest } from './denoise-file/types.js';
import type { Operation, Parameter } from './parameters/define.js';
import { FILTER_PARAMETERS } from './parameters/filter-parameters.js';
import { INPUT_PARAMETERS } from './parameters/input-parameters.js';
import { MAP_PARAMETERS } from './parameters/map-parameters.js';

/**
 * The parameters of requests, once for all surfaces: the query and JSON of HTTP, jobs, gRPC, the options of the command
 * line, OpenAPI, the table of docs/api.md and the arguments of the Python client come from it or are compared with it.
 *
 * To add a parameter: 1. add an entry to one of `parameters/*-parameters.ts`; 2. add its field to {@link requestOf}. The
 * surfaces then have it. 3. `npm run build:docs` writes it into the pages; the tests of the Python client and of help texts
 * say what else to write. Files that a request sends beside its parameters are parts of its body, see `exr-body.ts`.
 */
export const PARAMETERS = { ...FILTER_PARAMETERS, ...INPUT_PARAMETERS, ...MAP_PARAMETERS } as const;

export type ParameterName = keyof typeof PARAMETERS;
export const PARAMETER_NAMES = Object.keys(PARAMETERS) as readonly ParameterName[];

/** Values of parameters that were given, by name. */
export type ParameterValues = {
  readonly [Name in ParameterName]?: (typeof PARAMETERS)[Name] extends Parameter<infer Value> ? Value : never;
};

/** The parameter of a name or an alias. */
export function findParameter(name: string): ParameterName | undefined {
  if (Object.hasOwn(PARAMETERS, name)) return name as ParameterName;
  return PARAMETER_NAMES.find((known) => parameterOf(known).aliases?.includes(name));
}

/** The entry of a parameter, whatever its values are. */
export function parameterOf(name: ParameterName): Parameter<unknown> {
  return PARAMETERS[name] as Parameter<unknown>;
}

/** Parameters of an operation, in the order of the table. */
export function parametersOf(operation: Operation): readonly ParameterName[] {
  return PARAMETER_NAMES.filter((name) => parameterOf(name).operations.includes(operation));
}

/** What of a request its parameters say. */
export type ParameterRequest = Omit<
  DenoiseExrRequest,
  | 'exr'
  | 'halves'
  | 'digests'
  | 'frameName'
  | 'neighbors'
  | 'lambdaMap'
  | 'guide'
  | 'mapsOnly'
  | 'partial'
  | 'signal'
  | 'onProgress'
>;

/** The fields of a request that parameters set, without those that were not given. */
export function requestOf(values: ParameterValues): ParameterRequest {
  const { lambda, model, prefilter, alpha, components, wrap, aovs, region, strength } = values;
  const { source, encoder, layer, motion, view, spp, upscale, deblur } = values;
  const maps: MapsRequest = given({
    outputs: values.outputs,
    pixels: values.pixels,
    budgetSpp: values.budget,
    loop: values.loop,
    targetSmape: values['target-smape'],
    renderedSpp: spp,
    minSpp: values.min,
    maxSpp: values.max,
    tile: values.tile,
    metric: values.metric,
    weighting: values.weighting,
    minLayer: values['min-layer'],
    maxLayer: values['max-layer'],
  });
  const finish = given({ upscale, deblur });
  return given({
    ...{ lambda, model, prefilter, alpha, components, wrap, aovs, region, strength },
    ...{ source, encoder, layers: layer, motion, view, samplesPerPixel: spp },
    finish: Object.keys(finish).length > 0 ? finish : undefined,
    maps: Object.keys(maps).length > 0 ? maps : undefined,
  });
}

/** The values of parameters that a request has: the inverse of {@link requestOf}. */
export function valuesOf(request: ParameterRequest): ParameterValues {
  const { lambda, model, prefilter, alpha, components, wrap, aovs, region, strength, source, encoder } =
    request;
  const { layers, motion, view, samplesPerPixel, finish = {}, maps = {} } = request;
  return given({
    ...{ lambda, model, prefilter, alpha, components, wrap, aovs, region, strength },
    ...{ source, encoder, layer: layers, motion, view, spp: samplesPerPixel ?? maps.renderedSpp },
    ...{ upscale: finish.upscale, deblur: finish.deblur },
    ...{
      outputs: maps.outputs,
      pixels: maps.pixels,
      budget: maps.budgetSpp,
      loop: maps.loop,
      'target-smape': maps.targetSmape,
    },
    ...{ min: maps.minSpp, max: maps.maxSpp, 'min-layer': maps.minLayer, 'max-layer': maps.maxLayer },
    ...{ tile: maps.tile, metric: maps.metric, weighting: maps.weighting },
  });
}

/** The parameters of a request as the query of a service. */
export function queryOf(request: ParameterRequest): Record<string, string> {
  const values = valuesOf(request);
  const texts = PARAMETER_NAMES.flatMap((name) => {
    const value = values[name];
    return value === undefined ? [] : [[name, parameterOf(name).write(value)] as const];
  });
  return Object.fromEntries(texts);
}

type Given<Fields> = { [Name in keyof Fields]?: Exclude<Fields[Name], undefined> };

/** Fields without those that are undefined. */
function given<Fields extends object>(fields: Fields): Given<Fields> {
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(known) as Given<Fields>;
}
