import type { Raster } from './raster.js';

/** Planes of one size behind each other, which may be part of larger memory. */
export type Planes = Pick<Raster, 'width' | 'height' | 'data'>;

/**
 * Copies a region of the first channels of one picture to a place in another.
 * @param region within `from`.
 * @param at the top left corner of the region in `to`, where it fits.
 */
export function copyRegion(
  from: Planes,
  region: { readonly x: number; readonly y: number; readonly width: number; readonly height: number },
  channels: number,
  to: Planes,
  at: { readonly x: number; readonly y: number } = { x: 0, y: 0 },
): void {
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < region.height; y++) {
      const begin = (c * from.height + region.y + y) * from.width + region.x;
      const row = from.data.subarray(begin, begin + region.width);
      to.data.set(row, (c * to.height + at.y + y) * to.width + at.x);
    }
  }
}
