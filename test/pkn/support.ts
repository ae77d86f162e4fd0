import { type Raster, raster } from '../../src/image/raster.js';

/** Every pixel 0 but the one at (x, y), which is 1. */
export function impulse(width: number, height: number, x: number, y: number): Raster {
  const image = raster(width, height, 1);
  image.data[y * width + x] = 1;
  return image;
}

/** The value of channel c at (x, y); beyond the border its pixels repeat. */
export function at({ width, height, data }: Raster, x: number, y: number, c = 0): number {
  const row = Math.min(Math.max(y, 0), height - 1);
  const column = Math.min(Math.max(x, 0), width - 1);
  return data[(c * height + row) * width + column] as number;
}

/** One pixel, one row's worth of window, odd sizes, and more than one band of rows. */
export const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [9, 3],
  [3, 9],
  [37, 70],
];
