import type { ModelSummary, PostProcessOptions } from '../../denoise/types.js';
import { DEFAULT_MODEL } from '../../engine/model-repository.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import { checkEffects } from '../../files/check-effects.js';
import { checkMaps, type Output } from '../../files/denoise-file/maps.js';
import type { Operation } from '../../files/parameters/define.js';
import {
  findParameter,
  PARAMETER_NAMES,
  type ParameterRequest,
  type ParameterValues,
  parameterOf,
  requestOf,
} from '../../files/parameters.js';
import { readQuery } from './read-query.js';

/** Parameters of a request, checked. What is undefined was not given. */
export interface DenoiseQuery
  extends Omit<ParameterRequest, 'lambda' | 'finish'>,
    Pick<PostProcessOptions, 'upscale' | 'deblur'> {
  /** Slope of the loss, in [1, 10]. */
  readonly lambda: number;
  /** Index of the window's frame to denoise, from 0. */
  readonly center?: number;
  /** The answer has the maps alone. */
  readonly mapsOnly?: true;
}

/** Outputs of `POST /v1/sample-map`, which has no parameter for them. */
const SAMPLE_MAP_OUTPUTS: readonly Output[] = ['error', 'samples'];

/**
 * Checks the parameters of a request, as its query or its JSON has them.
 * @param operation of `sample-map` the outputs are settled.
 * @throws QuietframeError `unknown-parameter`; `invalid-argument` for a value out of range and for a parameter that is
 * given twice; `unknown-model`.
 */
export function parseDenoiseQuery(
  query: Readonly<Record<string, unknown>>,
  models: readonly ModelSummary[],
  operation: Exclude<Operation, 'sequence'> = 'denoise',
): DenoiseQuery {
  const mapsOnly = operation === 'sample-map';
  // What is known elsewhere but not to the operation is refused by `checkEffects`, which says why.
  const known = mapsOnly ? PARAMETER_NAMES.filter((name) => name !== 'outputs') : PARAMETER_NAMES;
  const read = readQuery(query, known, (name, text) => parameterOf(name).read(text, name), findParameter);
  const values = Object.fromEntries(read) as ParameterValues;
  const { lambda = 1, finish, maps: given = {}, ...request } = requestOf(values);
  const maps = mapsOnly ? { outputs: SAMPLE_MAP_OUTPUTS, ...given } : given;
  checkMaps(maps);
  const complete: DenoiseQuery = {
    ...request,
    ...finish,
    ...(values.center !== undefined && { center: values.center }),
    lambda,
    ...(mapsOnly && { mapsOnly }),
    ...(Object.keys(maps).length > 0 && { maps }),
  };
  checkEffects(complete);
  if (complete.model !== undefined) findModel(complete.model, models);
  if (complete.encoder !== undefined) checkEncoder(complete.encoder, complete.model ?? DEFAULT_MODEL, models);
  return complete;
}

/** Which version predicts errors is for the denoiser to find out: an encoder of any of them is let through. */
function checkEncoder(encoder: string, model: string, models: readonly ModelSummary[]): void {
  if (encoder === 'auto') return;
  const named = models.filter(({ name, version }) => model === name || model === `${name}@${version}`);
  const encoders = [...new Set(named.flatMap(({ sources }) => sources))];
  if (!encoders.includes(encoder))
    throw invalidArgument(['auto', ...encoders].join(', '), 'encoder', encoder);
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
