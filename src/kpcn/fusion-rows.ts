import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { copyColumns } from './copy-columns.js';

/** Pixels that are computed at once. */
export const LANES = 4;

/** Running sums of weights, the first of which is the centre's 1, to shares of the last sum. */
export function toShares(shares: Raster, area: Tile): void {
  const { width, height, channels, data } = shares;
  const size = width * height;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let i = y * width + area.x; i < y * width + area.x + area.width; i++) {
      data[i] = 1;
      const total = data[(channels - 1) * size + i] as number;
      for (let c = channels - 1; c > 0; c--) {
        const before = data[(c - 1) * size + i] as number;
        data[c * size + i] = ((data[c * size + i] as number) - before) / total;
      }
      data[i] = 1 / total;
    }
  }
}

/** Two halves of a part of more than one pixel: rows as long as there are two, then columns at multiples of four. */
export function halves(part: Tile): [Tile, Tile] {
  const { x, y, width, height } = part;
  if (height > 1) {
    const first = height >> 1;
    return [
      { ...part, height: first },
      { ...part, y: y + first, height: height - first },
    ];
  }
  const first = width > LANES ? Math.ceil(width / 2 / LANES) * LANES : width >> 1;
  return [
    { ...part, width: first },
    { ...part, x: x + first, width: width - first },
  ];
}

/** Copies columns of a row of planes, which lie `stride` apart from `to` on; beyond the picture its border repeats. */
export function copyRow(
  from: Raster,
  firstPlane: number,
  planes: number,
  row: number,
  { x, width }: { readonly x: number; readonly width: number },
  target: Float32Array,
  to: number,
  stride: number,
): void {
  for (let c = firstPlane; c < firstPlane + planes; c++) {
    copyColumns(from.data, (c * from.height + row) * from.width, from.width, target, to, x, width);
    to += stride;
  }
}
