import { expected, QuietframeError } from '../errors.js';
import { copyRegion } from './copy-region.js';
import { type Raster, raster } from './raster.js';

/** A rectangle of pixels: columns x to x + width - 1, rows y to y + height - 1. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Checks that a region has pixels and lies within a picture.
 * @throws QuietframeError `invalid-argument`.
 */
export function checkRegion({ x, y, width, height }: Tile, picture: Pick<Tile, 'width' | 'height'>): void {
  const isWhole = [x, y, width, height].every(Number.isInteger);
  if (isWhole && Math.min(x, y) >= 0 && Math.min(width, height) >= 1) {
    if (x + width <= picture.width && y + height <= picture.height) return;
  }
  const range = `x,y,width,height within ${picture.width} x ${picture.height} pixels`;
  throw new QuietframeError('invalid-argument', expected(range, 'region', [x, y, width, height].join(',')), {
    parameter: 'region',
  });
}

/** A tile with `overlap` more pixels on every side, as far as the picture reaches. */
export function grow(tile: Tile, overlap: number, width: number, height: number): Tile {
  const x = Math.max(tile.x - overlap, 0);
  const y = Math.max(tile.y - overlap, 0);
  return {
    x,
    y,
    width: Math.min(tile.x + tile.width + overlap, width) - x,
    height: Math.min(tile.y + tile.height + overlap, height) - y,
  };
}

/** The least tile with corners at multiples of `multiple` that holds a tile; the picture may end in between. */
export function alignOutward(
  { x, y, width, height }: Tile,
  multiple: number,
  picture: Pick<Tile, 'width' | 'height'>,
): Tile {
  const before = (at: number): number => at - (at % multiple);
  const after = (at: number, end: number): number => Math.min(Math.ceil(at / multiple) * multiple, end);
  const [left, top] = [before(x), before(y)];
  return {
    ...{ x: left, y: top },
    width: after(x + width, picture.width) - left,
    height: after(y + height, picture.height) - top,
  };
}

export interface TilingLimits {
  /** Pixels on every side of a tile that are computed with it and thrown away. */
  readonly overlap: number;
  /** Corners and sizes of tiles are multiples of this, but for those at the right and bottom border. */
  readonly alignment: number;
  /** Most pixels of a tile with its overlap; the smallest possible tiles are cut where not even they fit. */
  readonly maxPixels: number;
  /** Workers that share the tiles. */
  readonly workers: number;
}

/**
 * Cuts a picture into tiles of nearly equal size, row by row. Of all grids whose tiles are within `maxPixels` it takes
 * the one with the least work for the busiest worker, counting pixels of tiles once with and once without their overlap.
 */
export function cutIntoTiles(width: number, height: number, limits: TilingLimits): Tile[] {
  const { overlap, alignment } = limits;
  const side = (size: number, parts: number): number =>
    Math.min(Math.ceil(size / parts / alignment) * alignment, size);
  // Of two tiles each lies at a border.
  const grown = (size: number, tile: number): number =>
    Math.min(tile + (2 * tile >= size ? overlap : 2 * overlap), size);
  let best = { work: Number.POSITIVE_INFINITY, tileWidth: alignment, tileHeight: alignment };
  for (let columns = 1; columns <= Math.ceil(width / alignment); columns++) {
    const tileWidth = side(width, columns);
    if (grown(width, tileWidth) * grown(height, Math.min(alignment, height)) > limits.maxPixels) continue;
    for (let rows = 1; rows <= Math.ceil(height / alignment); rows++) {
      const tileHeight = side(height, rows);
      const pixels = grown(width, tileWidth) * grown(height, tileHeight);
      if (pixels > limits.maxPixels) continue;
      const count = Math.ceil(width / tileWidth) * Math.ceil(height / tileHeight);
      const work = Math.ceil(count / limits.workers) * (pixels + tileWidth * tileHeight);
      if (work < best.work) best = { work, tileWidth, tileHeight };
      // Still smaller tiles would only add overlap.
      if (count >= 4 * limits.workers) break;
    }
    if (columns > 4 * limits.workers && Number.isFinite(best.work)) break;
  }
  const tiles: Tile[] = [];
  for (let y = 0; y < height; y += best.tileHeight) {
    for (let x = 0; x < width; x += best.tileWidth) {
      tiles.push({
        x,
        y,
        width: Math.min(best.tileWidth, width - x),
        height: Math.min(best.tileHeight, height - y),
      });
    }
  }
  return tiles;
}

/** The pixels of a region as a picture of their own. */
export function crop(picture: Raster, region: Tile): Raster {
  const cropped = raster(region.width, region.height, picture.channels);
  copyRegion(picture, region, picture.channels, cropped);
  return cropped;
}
