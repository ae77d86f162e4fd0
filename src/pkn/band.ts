import type { Tile } from '../image/region.js';

/** Rows that are filtered at once: few enough for a processor's cache. */
export const BAND_ROWS = 32;

/** Bands of rows from the top of a picture to its bottom. */
export function* bands(width: number, height: number): Generator<Tile> {
  for (let y = 0; y < height; y += BAND_ROWS) {
    yield { x: 0, y, width, height: Math.min(BAND_ROWS, height - y) };
  }
}

/** Floats of a row of at least `pixels` pixels, whole vectors of four. */
export function strideOf(pixels: number): number {
  return Math.ceil(pixels / 4) * 4;
}

/** Copies a band with `border` pixels around it; beyond the picture its border pixels repeat. */
export function copyWithBorder(
  values: Float32Array,
  width: number,
  height: number,
  band: Tile,
  border: number,
  target: Float32Array,
  stride: number,
): void {
  for (let y = -border; y < band.height + border; y++) {
    const from = Math.min(Math.max(band.y + y, 0), height - 1) * width;
    const to = (y + border) * stride;
    target.set(values.subarray(from, from + width), to + border);
    target.fill(values[from] as number, to, to + border);
    target.fill(values[from + width - 1] as number, to + border + width, to + stride);
  }
}

/** Copies the rows of a band from planes of its own. */
export function copyBand(
  values: Float32Array,
  width: number,
  band: Tile,
  target: Float32Array,
  stride: number,
): void {
  for (let y = 0; y < band.height; y++) {
    const from = (band.y + y) * width;
    target.set(values.subarray(from, from + width), y * stride);
  }
}

/** The inverse of {@link copyBand}. */
export function storeBand(
  band: Tile,
  source: Float32Array,
  stride: number,
  values: Float32Array,
  width: number,
): void {
  for (let y = 0; y < band.height; y++) {
    values.set(source.subarray(y * stride, y * stride + width), (band.y + y) * width);
  }
}
