import { plane, type Raster, raster } from '../image/raster.js';

/** As in the training (`firefly_gain` of features.py). */
const CONTRAST = 8;
const RARITY = 40;
const NOISE = 0.5;
const WIDE_RADIUS = 5;

/** A pixel that is dimmed, and what its light is multiplied by. */
export interface Firefly {
  readonly index: number;
  readonly gain: number;
}

/**
 * Finds pixels that a single lucky sample made bright: 8 times the second brightest of their eight neighbors, 40 times
 * the mean of the 11 x 11 pixels about them without those, and with noise of at least half of their brightness. A kernel
 * can hardly average a pixel away that differs from all others in everything, and the loss that networks are trained with
 * does not mind if it stays. Where such samples are many they are the light of the scene: none of them is taken. Pictures
 * smaller than the 11 x 11 pixels have none: nothing tells there what is rare.
 * @param color 3 channels; negative light counts as 0.
 * @param variance of the mean, averaged over channels: measured, not estimated from the picture itself.
 */
export function detectFireflies(color: Raster, variance: Raster): Firefly[] {
  const { width, height } = color;
  if (Math.min(width, height) < 2 * WIDE_RADIUS + 1) return [];
  const [red, green, blue] = [plane(color, 0), plane(color, 1), plane(color, 2)];
  const meanAt = (i: number): number =>
    (Math.max(red[i] as number, 0) + Math.max(green[i] as number, 0) + Math.max(blue[i] as number, 0)) / 3;
  /** Means of the pixels about one, as far as the picture reaches. */
  const around = (x: number, y: number, radius: number): number[] => {
    const means: number[] = [];
    for (let v = Math.max(y - radius, 0); v <= Math.min(y + radius, height - 1); v++) {
      for (let u = Math.max(x - radius, 0); u <= Math.min(x + radius, width - 1); u++) {
        means.push(meanAt(v * width + u));
      }
    }
    return means;
  };
  const found: Firefly[] = [];
  for (let i = 0; i < width * height; i++) {
    const mean = meanAt(i);
    if (!((variance.data[i] as number) > (NOISE * mean) ** 2)) continue;
    const [x, y] = [i % width, Math.floor(i / width)];
    // Most pixels end here, before an array is made: two neighbors are bright enough.
    if (x > 0 && x < width - 1 && CONTRAST * Math.min(meanAt(i - 1), meanAt(i + 1)) >= mean) continue;
    const near = around(x, y, 1);
    // The brightest is the pixel itself, or it is no firefly.
    const second = near.toSorted((a, b) => b - a)[2] ?? 0;
    if (!(mean > CONTRAST * second)) continue;
    const wide = around(x, y, WIDE_RADIUS);
    const ring = (total(wide) - total(near)) / Math.max(wide.length - near.length, 1);
    if (mean > RARITY * ring) found.push({ index: i, gain: second / mean });
  }
  return found;
}

/** The layer with its fireflies dimmed; itself where there are none. `power` 2 is for variances. */
export function dimmed(layer: Raster, fireflies: readonly Firefly[], power = 1): Raster {
  if (fireflies.length === 0) return layer;
  const result = raster(layer.width, layer.height, layer.channels);
  result.data.set(layer.data);
  for (let c = 0; c < layer.channels; c++) {
    const samples = plane(result, c);
    for (const { index, gain } of fireflies) {
      samples[index] = (samples[index] as number) * gain ** power;
    }
  }
  return result;
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
