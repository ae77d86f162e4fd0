import type { Raster } from '../image/raster.js';

/**
 * Rows `begin` to `end` (exclusive) of the motion of the next coarser level, in its pixels: half of the mean of those of
 * 2 x 2 pixels that are known. NaN is not known.
 */
export function downsampleMotion(fine: Raster, coarse: Raster, begin: number, end: number): void {
  const { width, height, channels, data } = fine;
  const { data: target, width: columns, height: rows } = coarse;
  for (let c = 0; c < channels; c++) {
    for (let y = begin; y < end; y++) {
      let top = (c * height + 2 * y) * width;
      let to = (c * rows + y) * columns;
      for (let x = 0; x < columns; x++, top += 2, to++) {
        const upper = (data[top] as number) + (data[top + 1] as number);
        const lower = (data[top + width] as number) + (data[top + width + 1] as number);
        const sum = upper + lower;
        target[to] = Number.isFinite(sum) ? sum / 8 : halfOfKnown(data, top, width);
      }
    }
  }
}

/** Half of the mean of those of 2 x 2 values that are known; NaN where none is. */
function halfOfKnown(data: Float32Array, top: number, width: number): number {
  let sum = 0;
  let known = 0;
  for (const at of [top, top + 1, top + width, top + width + 1]) {
    const value = data[at] as number;
    if (!Number.isFinite(value)) continue;
    sum += value;
    known++;
  }
  return known === 0 ? Number.NaN : sum / known / 2;
}
