import { checkFinishOptions } from '../../denoise/pkn/finish-options.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import type { ExrLayout } from '../../exr/layout.js';
import type { LayerPlan } from '../../frame/layers/resolve-layers.js';
import { MAX_WINDOW } from '../../limits.js';
import { checkEffects } from '../check-effects.js';
import type { OpenedFiles } from '../window/open-files.js';
import { isDebugOutput } from './debug-channels.js';
import { checkMaps, needsErrors } from './maps.js';
import type { DenoiseExrOptions, DenoiseExrServices } from './types.js';

/** The farthest frames from the center that any model uses. */
export const REACH = 3;

/** What of the result a request asks for. */
export interface AskedFor {
  /** The denoised colour, in a file with the rest of the original. */
  readonly withColor: boolean;
  readonly withErrors: boolean;
  readonly withFireflies: boolean;
  readonly withParameters: boolean;
  readonly withAuxiliaries: boolean;
  /** What the borders of a panorama are joined for can be done. */
  readonly mayWrap: boolean;
  /** The width and height of the result over those of the file. */
  readonly factor: number;
}

/**
 * Checks what can be checked before any pixel is read.
 * @throws QuietframeError `invalid-argument`, naming the parameter.
 */
export function checkRequest(
  options: DenoiseExrOptions,
  { offsets, guide, lambdaMap }: Pick<OpenedFiles, 'offsets' | 'guide' | 'lambdaMap'>,
): AskedFor {
  const { maps = {}, mapsOnly, finish, wrap = 'auto' } = options;
  const { outputs } = maps;
  checkMaps(maps);
  checkEffects({ ...options, ...finish });
  checkOffsets(offsets);
  const asked = {
    withColor: !mapsOnly && (outputs?.includes('color') ?? true),
    withErrors: needsErrors(maps),
    withFireflies: outputs?.includes('fireflies') ?? false,
    withParameters: outputs?.includes('parameters') ?? false,
    withAuxiliaries: outputs?.includes('auxiliaries') ?? false,
    factor: finish?.upscale ?? 1,
  };
  const { withErrors, withFireflies, withAuxiliaries, withParameters } = asked;
  checkFinish(options, guide !== undefined, withErrors || withFireflies || withAuxiliaries);
  const mayWrap = finish === undefined && !withParameters;
  if (wrap === 'x' && !mayWrap)
    throw invalidArgument('none or auto with upscale, deblur and parameters', 'wrap', wrap);
  checkChoices(options, lambdaMap !== undefined, withParameters);
  if (outputs?.some(isDebugOutput)) checkDebug(options);
  return { ...asked, mayWrap };
}

/** Frames on each side of the center that the model of a request uses. */
export function reachOf(
  { model, maps = {} }: Pick<DenoiseExrOptions, 'model' | 'maps'>,
  denoiser: Pick<DenoiseExrServices['denoiser'], 'windowSize'>,
): number {
  return (denoiser.windowSize(model, needsErrors(maps)) - 1) / 2;
}

/** Light has fractions: integers cannot hold a result. */
export function checkTypes(
  header: ExrLayout,
  { target, lights, alpha }: LayerPlan,
  withAlpha: boolean,
): void {
  const written = [target, ...lights.map(({ layer }) => layer)];
  if (withAlpha && alpha !== undefined) written.push(alpha.target);
  for (const { part, channels } of written) {
    for (const name of channels) {
      const type = header.parts[part]?.channels.find((channel) => channel.name === name)?.type;
      if (type !== 'uint') continue;
      const message = expected(
        'half or float samples',
        `channel ${JSON.stringify(name)} of part ${part}`,
        type,
      );
      throw new QuietframeError('unsupported-exr', message, { layer: name });
    }
  }
}

/** Maps of errors, samples and fireflies, and auxiliaries, are of the renderer's pixels, which are not those of a magnified file. */
function checkFinish({ finish, strength }: DenoiseExrOptions, hasGuide: boolean, withMaps: boolean): void {
  const options = { ...finish, ...(strength !== undefined && { strength }) };
  checkFinishOptions(options);
  const { upscale = 1 } = options;
  if (upscale !== 1 && withMaps) {
    throw invalidArgument('no error, samples, fireflies or auxiliaries with upscale', 'outputs', 'one');
  }
  if (hasGuide && upscale === 1) throw invalidArgument('an upscale factor above 1', 'the guide', 'none');
}

/** The slots of a window; frames that do not have one of their own cannot be told apart. */
function checkOffsets(offsets: readonly number[]): void {
  if (offsets.length >= MAX_WINDOW) {
    throw invalidArgument(`at most ${MAX_WINDOW} frames`, 'the window', `${offsets.length + 1}`);
  }
  const seen = new Set<number>();
  for (const offset of offsets) {
    if (!Number.isInteger(offset) || offset === 0 || seen.has(offset)) {
      throw invalidArgument('whole numbers other than 0, each once,', 'the offsets of neighbors', offset);
    }
    seen.add(offset);
  }
}

function checkChoices(
  { components, finish, lambda }: DenoiseExrOptions,
  hasLambdaMap: boolean,
  withParameters: boolean,
): void {
  if (lambda !== undefined && hasLambdaMap) throw invalidArgument('a number or a map', 'lambda', 'both');
  if (components !== 'split' || (finish === undefined && !withParameters)) return;
  throw invalidArgument('beauty with upscale, deblur and parameters', 'components', components);
}

/** The levels of a frame that is denoised as a whole and in its own size. */
function checkDebug({ components, finish }: DenoiseExrOptions): void {
  const range =
    'none of levels, blend-weights, window-shares, gate and kernels with components=split, upscale and deblur';
  if (components === 'split' || finish !== undefined) throw invalidArgument(range, 'outputs', 'one');
}
