import { type Raster, raster } from '../../src/image/raster.js';

/** Numbers in [0, 1) that are the same in every run. */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Random values in [low, high). */
export function randomRaster(
  width: number,
  height: number,
  channels: number,
  [low, high]: readonly [number, number] = [0, 1],
): Raster {
  const random = randomNumbers(width * 1009 + height * 31 + channels);
  const data = Float32Array.from({ length: width * height * channels }, () => low + (high - low) * random());
  return raster(width, height, channels, data);
}

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

/** The largest difference of two pictures of one size. */
export function largestDifference(a: Raster, b: Raster): number {
  if (a.width !== b.width || a.height !== b.height || a.data.length !== b.data.length) {
    throw new Error(`${a.width} x ${a.height} and ${b.width} x ${b.height} pixels`);
  }
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] as number))), 0);
}

/** One pixel, one row's worth of window, odd sizes, and more than one band of rows. */
export const SIZES: readonly (readonly [number, number])[] = [
  [1, 1],
  [9, 3],
  [3, 9],
  [37, 70],
];
