/** Photographs and noise that are the same in every run. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import { raster } from '../../dist/image/raster.js';

/** The PNG files of a folder in order; none where there is no folder. */
export function pngFiles(folder) {
  if (folder === undefined) return [];
  return readdirSync(folder)
    .filter((name) => /\.png$/i.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** The red, green and blue of a PNG as pictures of one channel in [0, 1]. */
export function readPlanes(file) {
  const { width, height, data } = PNG.sync.read(readFileSync(file));
  return [0, 1, 2].map((c) =>
    raster(
      width,
      height,
      1,
      Float32Array.from({ length: width * height }, (_, i) => data[4 * i + c] / 255),
    ),
  );
}

/** Standard normal numbers (mulberry32 and Box-Muller), the same for the same seed. */
export function normalNumbers(seed) {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}

export function squaredError(a, b) {
  let sum = 0;
  for (let i = 0; i < a.data.length; i++) sum += (a.data[i] - b.data[i]) ** 2;
  return sum;
}
