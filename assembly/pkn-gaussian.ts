/**
 * Anisotropic Gaussian radial basis functions at positions on a grid (Wronski 2021, equation 11), for one band of output
 * rows (AssemblyScript, SIMD). At whole positions this denoises, at fractional ones it magnifies.
 *
 * Layout, all float32; `stride` is a multiple of 4 and at least the output's width:
 *
 *     taps        [input rows][2*radius+1][stride]  for every output column X the input at x0(X) - radius + tap
 *     offsets     [stride]         x0(X) - x(X): from the position of a column to its nearest input pixel
 *     firstRows   [rows] i32       of an output row: where its first input row lies in `taps`
 *     rowOffsets  [rows]           y0(Y) - y(Y)
 *     precision   [3][rows][stride]  xx, xy, yy
 *     output      [rows][stride]
 *
 * Guides, where there are any, are pictures at the resolution of the output and at that of the input, in units of the
 * difference that counts; a tap weighs the less the more its guides differ from those of the output pixel:
 *
 *     guides      [guideCount][rows][stride]
 *     guideTaps   [guideCount][input rows][2*radius+1][stride]
 */
import { exp2, madd } from './simd-math';

const HALF_LOG2E = <f32>(0.5 * Math.LOG2E);
const LOG2E = <f32>Math.LOG2E;
/** Binary logarithm of the least weight by guides: where none of the taps is alike, all count again. */
const LEAST_LIKENESS: f32 = -10;

/** Equation 11 of Wronski 2021 for a band of output rows: the sum of the taps weighted with exp(-d^T P d / 2), normalized. */
export function filterBand(
  rows: i32,
  columns: i32,
  stride: usize,
  radius: i32,
  taps: usize,
  offsets: usize,
  firstRows: usize,
  rowOffsets: usize,
  precision: usize,
  output: usize,
  guideCount: i32,
  guides: usize,
  guideTaps: usize,
  guideTapPlane: usize,
): void {
  const row = stride << 2;
  const plane = <usize>rows * row;
  const side = <usize>(2 * radius + 1);
  const first = -(<f32>radius);
  const vectors = (columns + 3) >> 2;
  for (let y = 0; y < rows; y++) {
    const inputs = taps + <usize>load<i32>(firstRows + ((<usize>y) << 2)) * side * row;
    const fy = load<f32>(rowOffsets + ((<usize>y) << 2));
    for (let v = 0; v < vectors; v++) {
      const column = (<usize>v) << 4;
      const at = <usize>y * row + column;
      const scale = f32x4.splat(-HALF_LOG2E);
      const xx = f32x4.mul(scale, v128.load(precision + at));
      const xy = f32x4.mul(f32x4.add(scale, scale), v128.load(precision + plane + at));
      const yy = f32x4.mul(scale, v128.load(precision + 2 * plane + at));
      const left = f32x4.add(v128.load(offsets + column), f32x4.splat(first));
      // The largest exponent is subtracted from all, so that weights far from every pixel do not vanish together.
      let largest = f32x4.splat(-3.0e38);
      for (let j: usize = 0; j < side; j++) {
        const ey = f32x4.splat(fy + first + <f32>j);
        const constant = f32x4.mul(yy, f32x4.mul(ey, ey));
        const linear = f32x4.mul(xy, ey);
        let ex = left;
        for (let i: usize = 0; i < side; i++) {
          largest = f32x4.pmax(largest, madd(ex, madd(xx, ex, linear), constant));
          ex = f32x4.add(ex, f32x4.splat(1));
        }
      }
      let total = f32x4.splat(0);
      let mean = f32x4.splat(0);
      let tap = inputs + column;
      for (let j: usize = 0; j < side; j++) {
        const ey = f32x4.splat(fy + first + <f32>j);
        const constant = f32x4.sub(f32x4.mul(yy, f32x4.mul(ey, ey)), largest);
        const linear = f32x4.mul(xy, ey);
        let ex = left;
        for (let i: usize = 0; i < side; i++) {
          let exponent = madd(ex, madd(xx, ex, linear), constant);
          if (guideCount > 0) {
            let guide = guides + at;
            let guideTap = guideTaps + (tap - taps);
            let distance = f32x4.splat(0);
            for (let g = 0; g < guideCount; g++) {
              const d = f32x4.sub(v128.load(guideTap), v128.load(guide));
              distance = madd(d, d, distance);
              guide += plane;
              guideTap += guideTapPlane;
            }
            const likeness = f32x4.mul(f32x4.splat(-LOG2E), distance);
            exponent = f32x4.add(exponent, f32x4.pmax(f32x4.splat(LEAST_LIKENESS), likeness));
          }
          const weight = exp2(exponent);
          total = f32x4.add(total, weight);
          mean = madd(weight, v128.load(tap), mean);
          ex = f32x4.add(ex, f32x4.splat(1));
          tap += row;
        }
      }
      v128.store(output + at, f32x4.div(mean, total));
    }
  }
}
