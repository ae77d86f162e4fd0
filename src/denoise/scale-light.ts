import type { Frame } from '../frame/frame.js';
import { estimateVariance } from '../frame/variance.js';
import { BRIGHTNESS_RANGE, largestMagnitude, typicalBrightness } from '../image/light-range.js';
import { finite, type Raster, raster } from '../image/raster.js';
import type { DebugOutputs } from './kpcn/debug-outputs.js';
import type { DenoiseRequest, DenoiseResult } from './types.js';

/** Variances from here on were limited because their true value does not fit float32. */
const SATURATED_VARIANCE = 3.39e38;

/**
 * A power of two that brings the light of a request into the range in which squares and sums of float32 are finite; 1
 * where it is there already, which it is for all ordinary pictures.
 */
export function lightScale(frame: Frame, { also = [], neighbors = [] }: DenoiseRequest): number {
  const layers = [
    frame.color,
    ...also,
    ...neighbors.flatMap((other) => [other.frame.color, ...(other.also ?? [])]),
  ];
  if (layers.every((layer) => largestMagnitude(layer) <= BRIGHTNESS_RANGE)) return 1;
  return 2 ** -Math.round(Math.log2(typicalBrightness(frame.color)));
}

/** The frame of a request and the request, with all light multiplied by a power of two. */
export function scaleLight(
  frame: Frame,
  request: DenoiseRequest,
  scale: number,
): { readonly frame: Frame; readonly request: DenoiseRequest } {
  const layers = (also: readonly Raster[]): Raster[] => also.map((layer) => scaled(layer, scale));
  const keyed = (key: string | undefined) => (key === undefined ? {} : { key: `${key} x${scale}` });
  return {
    frame: scaledFrame(frame, scale),
    request: {
      ...request,
      ...(request.also && { also: layers(request.also) }),
      ...(request.neighbors && {
        neighbors: request.neighbors.map((neighbor) => ({
          ...neighbor,
          ...keyed(neighbor.key),
          frame: scaledFrame(neighbor.frame, scale),
          ...(neighbor.also && { also: layers(neighbor.also) }),
        })),
      }),
      ...keyed(request.key),
    },
  };
}

/** A result in the units of the request that was scaled. */
export function unscaleLight(result: DenoiseResult, scale: number): DenoiseResult {
  return {
    ...result,
    color: scaled(result.color, 1 / scale),
    also: result.also.map((layer) => scaled(layer, 1 / scale)),
    ...(result.debug && { debug: unscaleDebug(result.debug, scale) }),
    report: { ...result.report, exposure: result.report.exposure * scale },
  };
}

function unscaleDebug({ levels, pixels, ...debug }: DebugOutputs, scale: number): DebugOutputs {
  const unscaled = (color: readonly number[]): number[] => color.map((value) => finite(value / scale));
  return {
    ...debug,
    ...(levels && { levels: levels.map((level) => scaled(level, 1 / scale)) }),
    ...(pixels && {
      pixels: pixels.map((pixel) => ({
        ...{ ...pixel, color: unscaled(pixel.color) },
        levels: pixel.levels.map((level) => ({ ...level, denoised: unscaled(level.denoised) })),
      })),
    }),
  };
}

function scaledFrame(frame: Frame, scale: number): Frame {
  const color = scaled(frame.color, scale);
  if (frame.varianceOrigin === 'estimated') {
    return { ...frame, color, colorVariance: estimateVariance(color) };
  }
  const { measuredVariance } = frame;
  return {
    ...frame,
    color,
    colorVariance: scaledVariance(frame.colorVariance, color, scale),
    ...(measuredVariance && { measuredVariance: scaledVariance(measuredVariance, color, scale) }),
  };
}

/** Where a variance was limited, it is that of a pixel which is all noise. */
function scaledVariance(variance: Raster, color: Raster, scale: number): Raster {
  const result = raster(variance.width, variance.height, 1);
  const plane = result.data.length;
  for (let i = 0; i < plane; i++) {
    const value = variance.data[i] as number;
    if (value < SATURATED_VARIANCE) {
      result.data[i] = finite(value * scale * scale);
      continue;
    }
    for (let k = i; k < 3 * plane; k += plane) {
      result.data[i] = (result.data[i] as number) + (color.data[k] as number) ** 2 / 3;
    }
  }
  return result;
}

function scaled(layer: Raster, scale: number): Raster {
  return { ...layer, data: layer.data.map((value) => finite(value * scale)) };
}
