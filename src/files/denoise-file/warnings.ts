import { expected } from '../../errors.js';
import type { ExrLayout } from '../../exr/layout.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import type { InputWarning } from '../../frame/frame.js';
import type { LayerPlan, PlannedLayer } from '../../frame/layers/resolve-layers.js';
import { plane, type Raster } from '../../image/raster.js';
import type { OpenedFiles } from '../window/open-files.js';
import { REACH } from './check-request.js';
import { needsErrors } from './maps.js';
import type { DenoiseExrOptions } from './types.js';

/** Largest finite half: brighter samples of a half channel are written as this. */
export const MAX_HALF = 65504;

/** Samples of a layer that is replaced. */
export interface Written {
  readonly layer: PlannedLayer;
  readonly samples: Raster;
}

/** Warnings about a neighbor that do not hold for the center, too. */
export function warningsOf(
  frame: string,
  { warnings }: BuiltFrame,
  known: readonly InputWarning[],
): InputWarning[] {
  return warnings
    .filter(({ code, layer }) => !known.some((other) => other.code === code && other.layer === layer))
    .map((warning) => ({ ...warning, frame }));
}

/** What was sent or asked for in vain. */
export function unused(
  { offsets }: Pick<OpenedFiles, 'offsets'>,
  { components }: DenoiseExrOptions,
  withSplit: boolean,
): InputWarning[] {
  const warnings: InputWarning[] = [];
  const distant = offsets.filter((offset) => Math.abs(offset) > REACH);
  if (distant.length > 0) {
    const message = `${distant.length} frames are more than ${REACH} away from the one that is denoised and were not used`;
    warnings.push({ code: 'distant-frames', message });
  }
  if (components === 'split' && !withSplit) {
    const message = 'The file has no diffuse and specular split: the beauty was denoised as a whole';
    warnings.push({ code: 'no-split', message });
  }
  return warnings;
}

/** What is predicted of the error does not hold for the request. */
export function unpredicted(
  { lambdaMap }: Pick<OpenedFiles, 'lambdaMap'>,
  { maps = {}, lambda = 1 }: DenoiseExrOptions,
): InputWarning[] {
  if (!needsErrors(maps) || (lambda === 1 && lambdaMap === undefined)) return [];
  const message =
    'Errors are predicted at lambda = 1, and so are samples and the target: a higher lambda keeps more noise than they tell';
  return [{ code: 'lambda-not-predicted', message }];
}

export function unknownFireflies(): InputWarning {
  const message =
    'Fireflies are told from lamps by a measured variance (a layer, or two half buffers) and the file has none: the mask is empty';
  return { code: 'no-fireflies', message };
}

export function alreadyDenoised(header: ExrLayout, plan: LayerPlan): InputWarning[] {
  if (!header.parts[plan.layers.color.part]?.attributes.has('quietframe:model')) return [];
  return [
    {
      code: 'already-denoised',
      message: 'The file says that quietframe has denoised it before',
      layer: 'color',
    },
  ];
}

export function saturated(header: ExrLayout, written: readonly Written[]): InputWarning[] {
  let count = 0;
  for (const { layer, samples } of written) {
    for (const [c, name] of layer.channels.entries()) {
      if (layer.channels.indexOf(name) !== c) continue;
      const channel = header.parts[layer.part]?.channels.find((candidate) => candidate.name === name);
      if (channel?.type !== 'half') continue;
      // An iterator takes ten times as long, on the thread that answers others.
      const values = plane(samples, c);
      for (let i = 0; i < values.length; i++) if (Math.abs(values[i] as number) > MAX_HALF) count++;
    }
  }
  const range = expected(`at most ${MAX_HALF}`, 'samples of half channels', `${count} that are brighter`);
  return count === 0
    ? []
    : [{ code: 'half-saturated', message: `${range}: they were limited`, layer: 'color' }];
}
