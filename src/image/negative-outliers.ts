import { neighborsOf, type Raster } from './raster.js';

/** How far below zero an outlier is, relative to the second largest magnitude of its neighbors. */
const CONTRAST = 4;

/**
 * Pixels of which a channel is so far below zero that no negative lobe of a pixel filter explains it: an average with them
 * would darken everything around.
 * @returns indices of pixels, ascending.
 */
export function findNegativeOutliers(image: Raster): number[] {
  const { width, height, data } = image;
  const found = new Set<number>();
  for (let at = 0; at < data.length; at++) {
    const value = data[at] as number;
    if (!(value < 0)) continue;
    const magnitudes = neighborsOf(image, at).map((neighbor) => Math.abs(data[neighbor] as number));
    const second = magnitudes.sort((a, b) => b - a)[1] ?? 0;
    if (-value > CONTRAST * second) found.add(at % (width * height));
  }
  return [...found].sort((a, b) => a - b);
}

/** Replaces pixels by the means of their neighbors that are not replaced themselves; by 0 where there are none. */
export function replacePixels(image: Raster, pixels: readonly number[]): void {
  const { width, height, channels, data } = image;
  const replaced = new Set(pixels);
  for (const pixel of pixels) {
    const around = neighborsOf(image, pixel).filter((neighbor) => !replaced.has(neighbor));
    for (let c = 0; c < channels; c++) {
      const first = c * width * height;
      const sum = around.reduce((total, neighbor) => total + (data[first + neighbor] as number), 0);
      data[first + pixel] = around.length === 0 ? 0 : sum / around.length;
    }
  }
}
