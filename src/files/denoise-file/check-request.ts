import { checkFinishOptions } from '../../denoise/pkn/finish-options.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import type { ExrLayout } from '../../exr/layout.js';
import type { LayerPlan } from '../../frame/layers/resolve-layers.js';
import { MAX_WINDOW } from '../../limits.js';
import type { DenoiseExrRequest, Neighbor } from './types.js';

/** The farthest frames from the center that any model uses. */
export const REACH = 3;

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
export function checkFinish({ finish, guide, strength }: DenoiseExrRequest, withMaps: boolean): void {
  const options = { ...finish, ...(strength !== undefined && { strength }) };
  checkFinishOptions(options);
  const { upscale = 1 } = options;
  if (upscale !== 1 && withMaps) {
    throw invalidArgument('no error, samples, fireflies or auxiliaries with upscale', 'outputs', 'one');
  }
  if (guide !== undefined && upscale === 1)
    throw invalidArgument('an upscale factor above 1', 'the guide', 'none');
}

/** The slots of a window; frames that do not have one of their own cannot be told apart. */
export function checkNeighbours(neighbors: readonly Neighbor[]): void {
  if (neighbors.length >= MAX_WINDOW) {
    throw invalidArgument(`at most ${MAX_WINDOW} frames`, 'the window', `${neighbors.length + 1}`);
  }
  const seen = new Set<number>();
  for (const { offset } of neighbors) {
    if (!Number.isInteger(offset) || offset === 0 || seen.has(offset)) {
      throw invalidArgument('whole numbers other than 0, each once,', 'the offsets of neighbors', offset);
    }
    seen.add(offset);
  }
}

export function checkChoices(
  { components, finish, lambda, lambdaMap }: DenoiseExrRequest,
  withParameters: boolean,
): void {
  if (lambda !== undefined && lambdaMap !== undefined)
    throw invalidArgument('a number or a map', 'lambda', 'both');
  if (components !== 'split' || (finish === undefined && !withParameters)) return;
  throw invalidArgument('beauty with upscale, deblur and parameters', 'components', components);
}

/** The levels of a frame that is denoised as a whole and in its own size. */
export function checkDebug({ components, finish }: DenoiseExrRequest): void {
  const range =
    'none of levels, blend-weights, window-shares, gate and kernels with components=split, upscale and deblur';
  if (components === 'split' || finish !== undefined) throw invalidArgument(range, 'outputs', 'one');
}
