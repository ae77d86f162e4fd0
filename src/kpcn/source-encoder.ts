import type { Frame, SourceName } from '../frame/frame.js';
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

/** Encoders trained with measured variances, by source. pbrt traces independent paths for every pixel as Mitsuba does. */
const MEASURED: Readonly<Partial<Record<SourceName, string>>> = {
  cycles: 'cycles',
  mitsuba: 'mitsuba',
  pbrt: 'mitsuba',
};

/**
 * Picks the encoder of a frame among those of a model, and the buffers that go with it: that of the renderer when the
 * colour variance was measured and albedo and normal are there; `generic`, which works with an estimated variance,
 * when only one of these is missing; `color` without albedo and normal.
 */
export function encoderInputs(frame: Frame, encoders: readonly string[]): EncoderInputs {
  const { color, colorVariance, varianceOrigin, albedo, normal, albedoVariance, normalVariance } = frame;
  const measured = MEASURED[frame.source];
  if (
    measured !== undefined &&
    encoders.includes(measured) &&
    varianceOrigin !== 'estimated' &&
    albedo !== undefined &&
    normal !== undefined
  ) {
    return {
      ...{ encoder: measured, color, colorVariance, albedo, normal },
      ...(albedoVariance && { albedoVariance }),
      ...(normalVariance && { normalVariance }),
    };
  }
  const estimated = varianceOrigin === 'estimated' ? colorVariance : estimateVariance(color);
  if ((albedo === undefined && normal === undefined) || !encoders.includes('generic')) {
    return { encoder: 'color', color, colorVariance: estimated };
  }
  return {
    ...{ encoder: 'generic', color, colorVariance: estimated },
    ...(albedo && { albedo }),
    ...(normal && { normal }),
  };
}
