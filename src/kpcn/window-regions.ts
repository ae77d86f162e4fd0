import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { halved } from './frame-features.js';

/** Where the content of a level's pixels is in another frame; NaN where that is not known. */
export interface LevelMotion {
  /** From each pixel to its place, in pixels, 2 channels. */
  readonly motion: Raster;
  /** From each cell of 2 x 2 pixels, in cells. */
  readonly coarserMotion: Raster;
}

/** Least and most places on both axes, in pixels. */
type Bounds = [left: number, top: number, right: number, bottom: number];

/**
 * The parts of other frames that an area looks for its content in, all of one size, at even places: those that its pixels are at,
 * `radius` pixels around them, and the cells that its cells lie between.
 * @param area of the centre, at even coordinates.
 */
export function windowRegions(frames: readonly LevelMotion[], area: Tile, radius: number): Tile[] {
  const regions = frames.map((frame) => regionOf(frame, area, radius));
  const width = Math.max(...regions.map((region) => region.width));
  const height = Math.max(...regions.map((region) => region.height));
  return regions.map(({ x, y }, i) => {
    const level = (frames[i] as LevelMotion).motion;
    return { x: Math.min(x, level.width - width), y: Math.min(y, level.height - height), width, height };
  });
}

function regionOf({ motion, coarserMotion }: LevelMotion, area: Tile, radius: number): Tile {
  const { width, height } = motion;
  if (area.width === width && area.height === height) return area;
  const bounds: Bounds = [width, height, -1, -1];
  scan(motion, area, nearestPlace, (x, y) => widen(bounds, x - radius, y - radius, x + radius, y + radius));
  scan(coarserMotion, halved(area), cellPlace, (x, y) => {
    const [left, top] = [2 * Math.floor(x), 2 * Math.floor(y)];
    // The cell beside it as well.
    widen(bounds, left, top, left + 3, top + 3);
  });
  if (bounds[2] < 0) return { x: 0, y: 0, width: 2, height: 2 };
  const [x, y] = [Math.max(bounds[0], 0) & ~1, Math.max(bounds[1], 0) & ~1];
  const [right, bottom] = [Math.min(bounds[2], width - 1) | 1, Math.min(bounds[3], height - 1) | 1];
  return { x, y, width: right - x + 1, height: bottom - y + 1 };
}

/** The pixel that is nearest to where motion leads from a column or row. */
function nearestPlace(from: number, motion: number): number {
  return from + Math.floor(Math.fround(motion + 0.5));
}

/** Where motion leads from a column or row of cells, in single precision. */
export function cellPlace(from: number, motion: number): number {
  return Math.fround(from + motion);
}

/** Tells all places within the frame that the motion of an area leads to. */
function scan(
  motion: Raster,
  area: Tile,
  placeOf: (from: number, motion: number) => number,
  found: (x: number, y: number) => void,
): void {
  const { width, height } = motion;
  const [right, down] = [plane(motion, 0), plane(motion, 1)];
  for (let row = area.y; row < area.y + area.height; row++) {
    for (let column = area.x; column < area.x + area.width; column++) {
      const i = row * width + column;
      const x = placeOf(column, right[i] as number);
      const y = placeOf(row, down[i] as number);
      if (x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1) found(x, y);
    }
  }
}

function widen(bounds: Bounds, left: number, top: number, right: number, bottom: number): void {
  if (left < bounds[0]) bounds[0] = left;
  if (top < bounds[1]) bounds[1] = top;
  if (right > bounds[2]) bounds[2] = right;
  if (bottom > bounds[3]) bounds[3] = bottom;
}
