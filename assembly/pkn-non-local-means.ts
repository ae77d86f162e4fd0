/**
 * Non-local means over a 5x5 window with a signal sigma for every pixel, for one band of rows (AssemblyScript, SIMD).
 * Patches of one pixel make it the bilateral filter.
 *
 * Layout, all float32; `stride` is a multiple of 4 and at least the band's width plus 12:
 *
 *     source       [rows + 2*(2+reach)][stride]  the band with 2 + reach pixels around it, reach = 0 or 1
 *     multipliers  [rows][stride]   on entry the signal sigma in units of the noise's, overwritten
 *     output       [rows][stride]
 *     total        [rows][stride]
 *     squares      [rows + 2][stride]
 */
import { exp2, madd } from './simd-math';

/** As in the training: keeps a multiplier of 0 the identity. */
const MULTIPLIER_EPSILON: f32 = 1e-12;
const LOG2E = <f32>Math.LOG2E;

/**
 * Equations 1 to 3 of Wronski 2021: neighbors weighted by the distance of their patches, normalized by the sum of the weights.
 * @param precision 1 / noise sigma^2
 * @param spatial 1 / (2 spatial sigma^2), 0 for none
 */
export function filterBand(
  rows: i32,
  columns: i32,
  stride: usize,
  reach: i32,
  precision: f32,
  spatial: f32,
  source: usize,
  multipliers: usize,
  output: usize,
  total: usize,
  squares: usize,
): void {
  const row = stride << 2;
  const border = <usize>(2 + reach);
  const center = source + border * row + (border << 2);
  const vectors = (columns + 3) >> 2;
  const patchMean: f32 = reach === 0 ? 1 : 1.0 / 9.0;
  const numerator = f32x4.splat(-LOG2E * precision * patchMean);
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      const m = v128.load(multipliers + at);
      const denominator = madd(f32x4.add(m, m), m, f32x4.splat(MULTIPLIER_EPSILON));
      v128.store(multipliers + at, f32x4.div(numerator, denominator));
      v128.store(output + at, v128.load(center + at));
      v128.store(total + at, f32x4.splat(1));
    }
  }
  for (let dy = -2; dy <= 2; dy++) {
    for (let dx = -2; dx <= 2; dx++) {
      if (dy === 0 && dx === 0) continue;
      const shift = <usize>(dy * <i32>row + (dx << 2));
      const falloff = f32x4.splat(-LOG2E * spatial * <f32>(dy * dy + dx * dx));
      if (reach === 0) {
        addTap(rows, vectors, row, center, shift, falloff, multipliers, output, total);
      } else {
        squareDifferences(rows + 2, vectors + 1, row, center - row - 4, shift, squares);
        addPatchTap(rows, vectors, row, center, shift, falloff, multipliers, output, total, squares);
      }
    }
  }
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      v128.store(output + at, f32x4.div(v128.load(output + at), v128.load(total + at)));
    }
  }
}

function squareDifferences(rows: i32, vectors: i32, row: usize, from: usize, shift: usize, to: usize): void {
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      const d = f32x4.sub(v128.load(from + at + shift), v128.load(from + at));
      v128.store(to + at, f32x4.mul(d, d));
    }
  }
}

function accumulate(weight: v128, neighbor: v128, output: usize, total: usize): void {
  v128.store(output, madd(weight, neighbor, v128.load(output)));
  v128.store(total, f32x4.add(weight, v128.load(total)));
}

function addTap(
  rows: i32,
  vectors: i32,
  row: usize,
  center: usize,
  shift: usize,
  falloff: v128,
  signal: usize,
  output: usize,
  total: usize,
): void {
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      const neighbor = v128.load(center + at + shift);
      const d = f32x4.sub(neighbor, v128.load(center + at));
      const weight = exp2(madd(v128.load(signal + at), f32x4.mul(d, d), falloff));
      accumulate(weight, neighbor, output + at, total + at);
    }
  }
}

function addPatchTap(
  rows: i32,
  vectors: i32,
  row: usize,
  center: usize,
  shift: usize,
  falloff: v128,
  signal: usize,
  output: usize,
  total: usize,
  squares: usize,
): void {
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      let distance = f32x4.splat(0);
      for (let p = squares + at, end = p + 3 * row; p < end; p += row) {
        const left = f32x4.add(v128.load(p), v128.load(p, 4));
        distance = f32x4.add(distance, f32x4.add(left, v128.load(p, 8)));
      }
      const weight = exp2(madd(v128.load(signal + at), distance, falloff));
      accumulate(weight, v128.load(center + at + shift), output + at, total + at);
    }
  }
}
