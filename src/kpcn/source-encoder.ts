import { expected, QuietframeError } from '../errors.js';
import type { Frame, SourceName } from '../frame/frame.js';
import { SOURCES } from '../frame/layers/source-list.js';
import { estimateVariance } from '../frame/variance.js';
import type { Raster } from '../image/raster.js';

/** What an encoder sees of a frame: the buffers that it was trained with, and no others. */
export interface EncoderInputs {
  readonly encoder: string;
  readonly color: Raster;
  readonly colorVariance: Raster;
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
}

/** Encoders trained with measured variances, by source. */
const MEASURED: ReadonlyMap<SourceName, string> = new Map(
  SOURCES.flatMap(({ name, encoder }) => (encoder === undefined ? [] : [[name, encoder]])),
);

/** Leaves the choice of the encoder to the frames. */
export const AUTO = 'auto';

/**
 * The one for renderers without an encoder of their own, where albedo and normals are clean: on scenes of a renderer that
 * nothing was trained on, SMAPE is then 0.80 of that of `generic` with noisy buffers. With noisy buffers it does harm.
 */
const MEASURED_OF_OTHERS = 'mitsuba';

/**
 * Picks the encoder of a frame among those of a model: that of the renderer when the colour variance was measured and
 * albedo and normal are there; `generic`, which works with an estimated variance, when only one of these is missing;
 * `color` without albedo and normal. Where there is only one, it is that.
 */
function encoderOf(frame: Frame, encoders: readonly string[], isClean: boolean): string {
  const [only] = encoders;
  if (only !== undefined && encoders.length === 1) return only;
  const { varianceOrigin, albedo, normal } = frame;
  const measured = MEASURED.get(frame.source) ?? (isClean ? MEASURED_OF_OTHERS : undefined);
  const isMeasured = varianceOrigin !== 'estimated' && albedo !== undefined && normal !== undefined;
  if (isMeasured && measured !== undefined && encoders.includes(measured)) return measured;
  return (albedo ?? normal) !== undefined && encoders.includes('generic') ? 'generic' : 'color';
}

/**
 * The encoders to choose from for frames of one window: all of a model's, unless the frames would get different ones. What
 * two encoders say of a surface does not compare: where half buffers came with the centre alone, a window of seven had an
 * error of 0.0473 on the validation sequences, all frames by `generic` 0.043, the centre by itself 0.0469; and training
 * with such windows brought no more than 0.0471.
 * @param frames the centre first.
 * @param choice one of the encoders, for all frames; `auto` by default.
 * @throws QuietframeError `missing-layer` where a frame lacks what the chosen encoder reads.
 */
export function windowEncoders(
  frames: readonly { readonly frame: Frame; readonly isClean: boolean }[],
  encoders: readonly string[],
  choice = AUTO,
): readonly string[] {
  if (choice !== AUTO) {
    for (const [i, { frame }] of frames.entries())
      checkInputs(frame, choice, i === 0 ? 'the frame' : 'a neighbor');
    return [choice];
  }
  const chosen = new Set(frames.map(({ frame, isClean }) => encoderOf(frame, encoders, isClean)));
  if (chosen.size === 1) return encoders;
  return chosen.has('color') ? ['color'] : ['generic', 'color'];
}

/** An encoder of a renderer has learned from measured variances, albedo and normals together, and reads nothing else. */
function checkInputs({ albedo, normal, varianceOrigin }: Frame, encoder: string, name: string): void {
  if (encoder === 'color') return;
  const missing = (layer: string, range: string, received: string): QuietframeError =>
    new QuietframeError('missing-layer', expected(range, `encoder=${encoder} in ${name}`, received), {
      layer,
    });
  if (encoder === 'generic') {
    if ((albedo ?? normal) === undefined) throw missing('albedo', 'an albedo or normals', 'neither');
    return;
  }
  if (varianceOrigin === 'estimated') {
    throw missing('colorVariance', 'a measured variance (a layer, or two half buffers)', 'none');
  }
  if (albedo === undefined) throw missing('albedo', 'an albedo', 'none');
  if (normal === undefined) throw missing('normal', 'normals', 'none');
}

/**
 * The buffers of a frame that go with its encoder.
 * @param isClean whether albedo and normals have no noise, as after the auxiliary prefilter.
 */
export function encoderInputs(frame: Frame, encoders: readonly string[], isClean = false): EncoderInputs {
  const { color, colorVariance, varianceOrigin, albedo, normal, albedoVariance, normalVariance } = frame;
  const encoder = encoderOf(frame, encoders, isClean);
  const estimated = (): Raster => (varianceOrigin === 'estimated' ? colorVariance : estimateVariance(color));
  if (encoder === 'color') return { encoder, color, colorVariance: estimated() };
  const guides = { ...(albedo && { albedo }), ...(normal && { normal }) };
  if (encoder === 'generic') return { encoder, color, colorVariance: estimated(), ...guides };
  return {
    ...{ encoder, color, colorVariance, ...guides },
    ...(albedoVariance && { albedoVariance }),
    ...(normalVariance && { normalVariance }),
  };
}
