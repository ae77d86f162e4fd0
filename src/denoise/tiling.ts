import type { ModelManifest } from '../engine/model-manifest.js';
import { alignOutward, cutIntoTiles, grow, type Tile } from '../image/region.js';
import type { FrameLevel } from '../kpcn/frame-pyramid.js';

const MIN_TILE_SIDE = 128;

/** Cuts areas into tiles for workers with so many bytes each. */
export class Tiling {
  constructor(
    private readonly bytesPerWorker: number,
    private readonly workers: number,
  ) {}

  /** Tiles of an area at even coordinates, of at least 128 x 128 pixels, that fit the memory with `overlap` pixels around them. */
  tiles(area: Tile, overlap: number, bytesPerPixel: number): Tile[] {
    const smallest = (MIN_TILE_SIDE + 2 * overlap) ** 2;
    return this.cut(area, overlap, Math.max(this.bytesPerWorker / bytesPerPixel, smallest));
  }

  /** Tiles of at most so many pixels with those around them. */
  cut({ x, y, width, height }: Tile, overlap: number, maxPixels: number): Tile[] {
    const { workers } = this;
    const tiles = cutIntoTiles(width, height, { alignment: 2, workers, overlap, maxPixels });
    return tiles.map((tile) => ({ ...tile, x: tile.x + x, y: tile.y + y }));
  }
}

/** Pixels of one level that are filtered, and those of them that are composited. */
export interface LevelArea {
  readonly filtered: Tile;
  readonly composited: Tile;
}

/** What of each level a region needs; everything without one. The compositor reads pixels around those that it writes. */
export function levelAreas(
  region: Tile | undefined,
  levels: readonly FrameLevel[],
  { receptiveRadius }: ModelManifest,
): LevelArea[] {
  let composited = region;
  return levels.map((level) => {
    const { width, height } = level;
    const whole = wholeOf(level);
    if (composited === undefined) return { filtered: whole, composited: whole };
    const area = alignOutward(composited, 2, level);
    const filtered = alignOutward(grow(area, receptiveRadius.compositor, width, height), 2, level);
    composited = {
      x: filtered.x / 2,
      y: filtered.y / 2,
      width: filtered.width / 2,
      height: filtered.height / 2,
    };
    return { filtered, composited: area };
  });
}

/** All pixels of a level. */
export function wholeOf({ width, height }: Pick<Tile, 'width' | 'height'>): Tile {
  return { x: 0, y: 0, width, height };
}
