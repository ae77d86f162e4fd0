import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Where the pixels of an area are in another frame: whole pixels, row by row; x is -1 where a pixel is not in it. */
export interface NeighborPlaces {
  readonly width: number;
  readonly x: Int32Array;
  readonly y: Int32Array;
}

/** Moves the pixels of an area along their motion, x + floor(m + 0.5); those whose motion is NaN are nowhere. */
export function neighborPlaces(motion: Raster, area: Tile): NeighborPlaces {
  const { width, height, data } = motion;
  const size = width * height;
  const x = new Int32Array(area.width * area.height);
  const y = new Int32Array(x.length);
  for (let row = 0, to = 0; row < area.height; row++) {
    const from = (area.y + row) * width + area.x;
    for (let column = 0; column < area.width; column++, to++) {
      const placeX = area.x + column + Math.floor((data[from + column] as number) + 0.5);
      const placeY = area.y + row + Math.floor((data[size + from + column] as number) + 0.5);
      const inside = placeX >= 0 && placeX < width && placeY >= 0 && placeY < height;
      x[to] = inside ? placeX : -1;
      y[to] = inside ? placeY : -1;
    }
  }
  return { width: area.width, x, y };
}

/** The smallest rectangle of the other frame with the places of a part of the area; undefined where there are none. */
export function boundsOf(places: NeighborPlaces, part: Tile): Tile | undefined {
  let left = Number.POSITIVE_INFINITY;
  let top = Number.POSITIVE_INFINITY;
  let right = -1;
  let bottom = -1;
  for (let row = part.y; row < part.y + part.height; row++) {
    const begin = row * places.width + part.x;
    for (let i = begin; i < begin + part.width; i++) {
      const x = places.x[i] as number;
      if (x < 0) continue;
      const y = places.y[i] as number;
      if (x < left) left = x;
      if (x > right) right = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
  }
  return right < 0 ? undefined : { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
}

/** Two halves of a part of more than one pixel: rows as long as there are two, then columns at multiples of the block. */
export function halves(part: Tile, block: number): [Tile, Tile] {
  const { x, y, width, height } = part;
  if (height > 1) {
    const first = height >> 1;
    return [
      { ...part, height: first },
      { ...part, y: y + first, height: height - first },
    ];
  }
  const first = width > block ? Math.ceil(width / 2 / block) * block : width >> 1;
  return [
    { ...part, width: first },
    { ...part, x: x + first, width: width - first },
  ];
}
