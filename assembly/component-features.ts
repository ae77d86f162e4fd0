/**
 * Features of a component from its buffers, in place (AssemblyScript, 128-bit SIMD). A group is three planes and their
 * variance, each of `plane` bytes, which is a multiple of 16.
 */
import { log1p } from './simd-math';

const VECTOR: usize = 16;

/** Variance of the mean over the squared mean, within [0, 1]. */
function relativeVariance(variance: v128, meanSquare: v128): v128 {
  const ratio = f32x4.div(variance, f32x4.add(meanSquare, f32x4.splat(1e-4)));
  return f32x4.pmin(f32x4.splat(1), f32x4.pmax(f32x4.splat(0), ratio));
}

/** Light times `scale` in logarithms, its variance relative to the square of the mean. */
export function lightFeatures(group: usize, plane: usize, scale: f32): void {
  const s = f32x4.splat(scale);
  const squared = f32x4.mul(s, s);
  const third = f32x4.splat(1.0 / 3.0);
  for (let p = group; p < group + plane; p += VECTOR) {
    const red = f32x4.mul(s, v128.load(p));
    const green = f32x4.mul(s, v128.load(p + plane));
    const blue = f32x4.mul(s, v128.load(p + 2 * plane));
    const mean = f32x4.mul(third, f32x4.add(f32x4.add(red, green), blue));
    const variance = f32x4.mul(squared, v128.load(p + 3 * plane));
    v128.store(p, log1p(red));
    v128.store(p + plane, log1p(green));
    v128.store(p + 2 * plane, log1p(blue));
    v128.store(p + 3 * plane, relativeVariance(variance, f32x4.mul(mean, mean)));
  }
}

/** Normals as they are, their variance relative to the mean square. */
export function normalFeatures(group: usize, plane: usize): void {
  const third = f32x4.splat(1.0 / 3.0);
  for (let p = group; p < group + plane; p += VECTOR) {
    const x = v128.load(p);
    const y = v128.load(p + plane);
    const z = v128.load(p + 2 * plane);
    const square = f32x4.add(f32x4.add(f32x4.mul(x, x), f32x4.mul(y, y)), f32x4.mul(z, z));
    const variance = v128.load(p + 3 * plane);
    v128.store(p + 3 * plane, relativeVariance(variance, f32x4.mul(third, square)));
  }
}
