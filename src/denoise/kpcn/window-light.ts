import type { ModelManifest } from '../../engine/model-manifest.js';
import { expected, QuietframeError } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { cropPadded } from '../../image/pyramid.js';
import { type Raster, raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import { detectFireflies, dimmed } from '../../kpcn/fireflies.js';
import { COLOR_CHANNELS, type Level, type Picture } from '../../kpcn/frame-pyramid.js';
import { type EncoderInputs, encoderInputs } from '../../kpcn/source-encoder.js';
import { type ErrorMap, mapErrors } from '../../sampling/error-map.js';
import type { DenoiseResult, PredictedError } from '../types.js';
import { blendTowardsInput, denoisedWeight } from './shrinkage.js';

/** A frame with all variances that it has after the prefilter, of any values: places for them. */
export function withVariances(frame: Frame): Frame {
  const { albedo, normal, colorVariance } = frame;
  return {
    ...frame,
    ...(albedo && { albedoVariance: frame.albedoVariance ?? colorVariance }),
    ...(normal && { normalVariance: frame.normalVariance ?? colorVariance }),
  };
}

/** What is seen of a frame: with fireflies dimmed where the variance was measured. */
export interface SeenLight {
  /** By its encoder. */
  readonly inputs: EncoderInputs;
  /** Of the further layers. */
  readonly also: readonly Raster[];
  /** Indices of the pixels that were dimmed. */
  readonly fireflies: readonly number[];
  /** Of the colour, where it was measured; an encoder without variances gets another. */
  readonly variance?: Raster;
}

export function seenLight(
  frame: Frame,
  layers: readonly Raster[],
  encoders: readonly string[],
  isClean: boolean,
): SeenLight {
  const inputs = encoderInputs(frame, encoders, isClean);
  const measured = frame.varianceOrigin !== 'estimated';
  const fireflies = measured ? detectFireflies(inputs.color, frame.colorVariance) : [];
  return {
    inputs: {
      ...inputs,
      color: dimmed(inputs.color, fireflies),
      colorVariance: dimmed(inputs.colorVariance, fireflies, 2),
    },
    also: layers.map((layer) => (layer.channels === COLOR_CHANNELS ? dimmed(layer, fireflies) : layer)),
    fireflies: fireflies.map(({ index }) => index),
    ...(measured && { variance: dimmed(frame.colorVariance, fireflies, 2) }),
  };
}

/** What is predicted of the errors of a picture. */
export type Prediction = Required<Pick<DenoiseResult, 'errors' | 'relativeVariance'>>;

/** Rasters of the finest level, where worker threads write them without a copy. */
export function sharedPrediction({ levels }: Picture): Prediction {
  const { width, height } = levels[0] as Level;
  const bytes = width * height * Float32Array.BYTES_PER_ELEMENT;
  const shared = (): Raster => raster(width, height, 1, new Float32Array(new SharedArrayBuffer(bytes)));
  return { errors: { smape: shared(), dssim: shared() }, relativeVariance: shared() };
}

/** What was composited, in place; where variances were measured, the input as far as the denoiser errs. */
export function assembled(
  { inputs: { color: noisy }, also, variance }: SeenLight,
  result: Pick<DenoiseResult, 'color' | 'also'>,
  exposure: number,
  area: Tile,
): Pick<DenoiseResult, 'color' | 'also'> & { readonly denoisedWeight: Raster | undefined } {
  const share = variance && denoisedWeight({ noisy, variance, denoised: result.color, exposure }, area);
  if (share !== undefined) {
    blendTowardsInput(noisy, result.color, share, area);
    for (const [i, layer] of also.entries()) blendTowardsInput(layer, result.also[i] as Raster, share, area);
  }
  return { ...result, denoisedWeight: share };
}

/** Without the padding of the levels. */
export function cropPrediction(
  { errors, relativeVariance }: Prediction,
  { width, height }: Picture,
): Prediction {
  const crop = (padded: Raster): Raster => {
    const cropped = raster(width, height, 1);
    cropPadded(padded, cropped);
    return cropped;
  };
  return { errors: mapErrors(errors, crop), relativeVariance: crop(relativeVariance) };
}

export function meanErrors({ smape, dssim }: ErrorMap, { errorPredictor }: ModelManifest): PredictedError {
  const mean = ({ data }: Raster): number => data.reduce((sum, value) => sum + value, 0) / data.length;
  return { smape: mean(smape), dssim: mean(dssim), decay: errorPredictor?.decay ?? 1, lambda: 1 };
}

export function withoutGate(): QuietframeError {
  const message = expected('an albedo that the encoder reads', 'the frame of outputs=gate', 'none');
  return new QuietframeError('missing-layer', message, { layer: 'albedo' });
}
