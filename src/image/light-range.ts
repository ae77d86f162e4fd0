import type { Raster } from './raster.js';

/**
 * Brightness, relative to the typical one of a picture, up to which float32 arithmetic works: squares and sums of a
 * thousand of them are finite.
 */
export const BRIGHTNESS_RANGE = 2 ** 60;

/** Geometric mean of the positive finite samples; 1 where there are none. */
export function typicalBrightness({ data }: Raster): number {
  let sum = 0;
  let count = 0;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (!(value > 0 && value <= Number.MAX_VALUE)) continue;
    sum += Math.log2(value);
    count++;
  }
  return count === 0 ? 1 : 2 ** (sum / count);
}

/** The largest finite magnitude of a raster; 0 where there is none. */
export function largestMagnitude({ data }: Raster): number {
  let most = 0;
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(data[i] as number);
    if (magnitude > most && magnitude <= Number.MAX_VALUE) most = magnitude;
  }
  return most;
}

/** Brightness beyond which samples of a color are treated like infinities; for ordinary pictures there is no such limit. */
export function brightnessLimit(color: Raster): number {
  if (largestMagnitude(color) <= BRIGHTNESS_RANGE) return Number.MAX_VALUE;
  return BRIGHTNESS_RANGE * typicalBrightness(color);
}
