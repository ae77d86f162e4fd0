import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { copyColumns } from './copy-columns.js';

/** Pixels that are computed at once. */
export const LANES = 4;

/** Running sums of the weights of frames to shares of the last sum. */
export function toShares(shares: Raster, area: Tile): void {
  const { width, height, channels, data } = shares;
  const size = width * height;
  for (let y = area.y; y < area.y + area.height; y++) {
    for (let i = y * width + area.x; i < y * width + area.x + area.width; i++) {
      const total = data[(channels - 1) * size + i] as number;
      for (let c = channels - 1; c > 0; c--) {
        const before = data[(c - 1) * size + i] as number;
        data[c * size + i] = ((data[c * size + i] as number) - before) / total;
      }
      data[i] = (data[i] as number) / total;
    }
  }
}

/** What `placeBounds` has found: the least and largest x, then y; undefined where there are no places. */
export function tileOfBounds([left = 0, right = -1, top = 0, bottom = -1]: Int32Array): Tile | undefined {
  return right < 0 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/**
 * Cuts a strip into parts whose places in another frame lie close enough together, and calls `run` with each of them.
 * @param placesOf the least tile that holds the places of a part; undefined where the other frame shows none of its pixels.
 * @param most side of such a tile; at least 1, which one pixel always fits.
 */
export function eachPart(
  { width, height }: Pick<Tile, 'width' | 'height'>,
  most: number,
  placesOf: (part: Tile) => Tile | undefined,
  run: (part: Tile, places: Tile) => void,
): void {
  const parts: Tile[] = [{ x: 0, y: 0, width, height }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const places = placesOf(part);
    if (places === undefined) continue;
    if (Math.max(places.width, places.height) <= most) run(part, places);
    else parts.push(...halves(part));
  }
}

/** Two halves of a part of more than one pixel: rows as long as there are two, then columns at multiples of four. */
function halves(part: Tile): [Tile, Tile] {
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
