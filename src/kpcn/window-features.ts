import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Slots of the frames of a window: offsets from the centre, in the order of the network's channels. */
export const NEIGHBOR_OFFSETS = [-3, -2, -1, 1, 2, 3] as const;

/**
 * Fetches features along motion into channels of a tensor: bilinearly between the cells of the other frame, 0 where the place
 * is outside of it or not known.
 * @param features of the whole level of the other frame, at the resolution of the motion.
 * @param motion from each cell of the centre frame to its place, in cells, 2 channels; NaN where it is not known.
 * @param area of the centre frame that is fetched.
 * @param gathered [channels][h][w] of the area, written.
 * @param mask [h][w] of the area: 1 where the place is in the other frame, written.
 */
export function gatherFeatures(
  features: Raster,
  motion: Raster,
  area: Tile,
  gathered: Float32Array,
  mask: Float32Array,
): void {
  const { width, height, channels, data } = features;
  const plane = width * height;
  const size = area.width * area.height;
  const stepX = width > 1 ? 1 : 0;
  const stepY = height > 1 ? width : 0;
  const places = new Int32Array(area.width);
  const right = new Float32Array(area.width);
  const down = new Float32Array(area.width);
  for (let row = 0; row < area.height; row++) {
    const begin = row * area.width;
    const from = (area.y + row) * width + area.x;
    for (let i = 0; i < area.width; i++) {
      const x = area.x + i + (motion.data[from + i] as number);
      const y = area.y + row + (motion.data[plane + from + i] as number);
      const inside = x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1;
      mask[begin + i] = inside ? 1 : 0;
      // The last cell is reached from the one before it.
      const left = inside ? Math.min(Math.floor(x), Math.max(width - 2, 0)) : 0;
      const top = inside ? Math.min(Math.floor(y), Math.max(height - 2, 0)) : 0;
      places[i] = inside ? top * width + left : -1;
      right[i] = x - left;
      down[i] = y - top;
    }
    for (let c = 0; c < channels; c++) {
      const first = c * plane;
      const to = c * size + begin;
      for (let i = 0; i < area.width; i++) {
        const place = places[i] as number;
        if (place < 0) {
          gathered[to + i] = 0;
          continue;
        }
        const at = first + place;
        const fx = right[i] as number;
        const a = data[at] as number;
        const b = data[at + stepY] as number;
        const upper = a + fx * ((data[at + stepX] as number) - a);
        const lower = b + fx * ((data[at + stepY + stepX] as number) - b);
        gathered[to + i] = upper + (down[i] as number) * (lower - upper);
      }
    }
  }
}
