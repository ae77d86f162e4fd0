import { type Raster, raster } from '../src/image/raster.js';
import type { Pixels } from './decoder.js';

/** The three color channels of a picture. */
export function rasterOf({ width, height, data }: Pixels): Raster {
  const planes = raster(width, height, 3);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < 3; c++) planes.data[c * width * height + i] = data[4 * i + c] as number;
  }
  return planes;
}

/** Whether two pictures have the same colors; NaN is equal to NaN. */
export function isSamePicture(one: Pixels, other: Pixels): boolean {
  if (one === other) return true;
  if (one.data.length !== other.data.length) return false;
  for (let i = 0; i < one.data.length; i++) {
    if (i % 4 === 3) continue;
    const [a, b] = [one.data[i], other.data[i]];
    if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) return false;
  }
  return true;
}
