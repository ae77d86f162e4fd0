import { neighborsOf, type Raster } from './raster.js';

/** What was wrong with the samples of a raster. */
export interface SanitizedCounts {
  /** Samples that were NaN, infinite or beyond the limit. */
  readonly notFinite: number;
  /** Finite samples below zero. */
  readonly negative: number;
}

export interface SanitizeOptions {
  readonly zeroNegatives?: boolean;
  /** Samples whose magnitude exceeds this are replaced like infinities. */
  readonly limit?: number;
}

/**
 * Makes every sample finite, in place: NaN and infinities become the mean of the finite samples of their 3x3
 * neighborhood and channel. Blocks are filled from their border inwards, and are 0 where the whole channel has no finite
 * sample. Large values stay: a firefly is for the kernels to reject.
 *
 * Negative samples are counted and, unless `zeroNegatives`, kept: pixel filters with negative lobes make them, and to cut
 * them off would brighten the mean.
 */
export function sanitize(
  image: Raster,
  { zeroNegatives = false, limit = Number.MAX_VALUE }: SanitizeOptions = {},
): SanitizedCounts {
  const { data } = image;
  const holes: number[] = [];
  let negative = 0;
  for (let at = 0; at < data.length; at++) {
    const value = data[at] as number;
    if (!(Math.abs(value) <= limit)) {
      holes.push(at);
      data[at] = Number.NaN;
    } else if (value < 0) {
      negative++;
      if (zeroNegatives) data[at] = 0;
    }
  }
  fillHoles(image, holes);
  return { notFinite: holes.length, negative };
}

/** Fills samples that are NaN ring by ring; what one ring is filled with does not depend on its own order. */
function fillHoles(image: Raster, holes: readonly number[]): void {
  const { data } = image;
  let ring = holes;
  while (ring.length > 0) {
    const filled: { at: number; value: number }[] = [];
    for (const at of ring) {
      const value = finiteMean(image, at);
      if (value !== undefined) filled.push({ at, value });
    }
    for (const { at, value } of filled) data[at] = value;
    const next = new Set<number>();
    for (const { at } of filled) {
      for (const neighbor of neighborsOf(image, at)) {
        if (Number.isNaN(data[neighbor])) next.add(neighbor);
      }
    }
    ring = [...next];
  }
  for (const at of holes) if (Number.isNaN(data[at])) data[at] = 0;
}

function finiteMean(image: Raster, at: number): number | undefined {
  let sum = 0;
  let count = 0;
  for (const neighbor of neighborsOf(image, at)) {
    const value = image.data[neighbor] as number;
    if (Number.isNaN(value)) continue;
    sum += value;
    count++;
  }
  return count === 0 ? undefined : sum / count;
}
