import type { Raster } from '../image/raster.js';

/**
 * Rows `begin` to `end` (exclusive) of the motion of the next coarser level, in its pixels: half of the mean of those of
 * 2 x 2 pixels that are known. NaN is not known.
 */
export function downsampleMotion(fine: Raster, coarse: Raster, begin: number, end: number): void {
  const { width } = fine;
  for (let c = 0; c < fine.channels; c++) {
    for (let y = begin; y < end; y++) {
      let top = (c * fine.height + 2 * y) * width;
      let to = (c * coarse.height + y) * coarse.width;
      for (let x = 0; x < coarse.width; x++, top += 2, to++) {
        let sum = 0;
        let known = 0;
        for (const at of [top, top + 1, top + width, top + width + 1]) {
          const value = fine.data[at] as number;
          if (!Number.isFinite(value)) continue;
          sum += value;
          known++;
        }
        coarse.data[to] = known === 0 ? Number.NaN : sum / known / 2;
      }
    }
  }
}
