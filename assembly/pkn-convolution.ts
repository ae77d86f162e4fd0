/**
 * Correlation of a band of rows with one square kernel (AssemblyScript, SIMD). Layout, all float32; `stride` is a multiple
 * of 4 and at least the band's width plus 2 * radius + 4:
 *
 *     source  [rows + 2*radius][stride]   the band with `radius` pixels around it
 *     kernel  [2*radius+1][2*radius+1]
 *     output  [rows][stride]
 */
import { madd } from './simd-math';

/** One power of the blur B in equation 13 of Wronski 2021, whose coefficients sum to 1 by equation 14: kernel times source. */
export function filterBand(
  rows: i32,
  columns: i32,
  stride: usize,
  radius: i32,
  source: usize,
  kernel: usize,
  output: usize,
): void {
  const row = stride << 2;
  const side = 2 * radius + 1;
  const vectors = (columns + 3) >> 2;
  for (let y = 0; y < rows; y++) {
    for (let v = 0; v < vectors; v++) {
      const at = <usize>y * row + ((<usize>v) << 4);
      let sum = f32x4.splat(0);
      let weight = kernel;
      for (let dy = 0; dy < side; dy++) {
        let sample = source + at + <usize>dy * row;
        for (let dx = 0; dx < side; dx++) {
          sum = madd(v128.load32_splat(weight), v128.load(sample), sum);
          weight += 4;
          sample += 4;
        }
      }
      v128.store(output + at, sum);
    }
  }
}
