import type { Raster } from './raster.js';

/** What was wrong with the samples of a raster. */
export interface SanitizedCounts {
  /** Samples that were NaN or infinite. */
  readonly notFinite: number;
  /** Finite samples below zero. */
  readonly negative: number;
}

/**
 * Makes every sample finite, in place: NaN and infinities become the mean of the finite samples of their 3x3
 * neighbourhood and channel, or 0 where there are none. Large values stay: a firefly is for the kernels to reject.
 *
 * Negative samples are counted and, unless `zeroNegatives`, kept: pixel filters with negative lobes make them, and to cut
 * them off would brighten the mean.
 */
export function sanitize(image: Raster, zeroNegatives = false): SanitizedCounts {
  const { width, height, data } = image;
  const repairs: { at: number; value: number }[] = [];
  let negative = 0;
  for (let at = 0; at < data.length; at++) {
    const value = data[at] as number;
    if (!Number.isFinite(value)) {
      repairs.push({ at, value: finiteNeighbourMean(data, at, width, height) });
    } else if (value < 0) {
      negative++;
      if (zeroNegatives) data[at] = 0;
    }
  }
  for (const { at, value } of repairs) data[at] = zeroNegatives ? Math.max(0, value) : value;
  return { notFinite: repairs.length, negative };
}

function finiteNeighbourMean(data: Float32Array, at: number, width: number, height: number): number {
  const inChannel = at % (width * height);
  const x = inChannel % width;
  const y = (inChannel - x) / width;
  let sum = 0;
  let count = 0;
  for (let dy = y > 0 ? -1 : 0; dy <= (y < height - 1 ? 1 : 0); dy++) {
    for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
      const value = data[at + dy * width + dx] as number;
      if (!Number.isFinite(value)) continue;
      sum += value;
      count++;
    }
  }
  return count === 0 ? 0 : sum / count;
}
