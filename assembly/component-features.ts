/**
 * Features of a component from its buffers, in place (AssemblyScript, 128-bit SIMD). A group is three planes and their
 * variance, each of `plane` bytes, which is a multiple of 16.
 */
const VECTOR: usize = 16;

function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** log(1 + x) with a relative error of 1e-6, from the smallest x to 3e38; 0 for x below 0 and NaN. */
function log1p(x: v128): v128 {
  const positive = f32x4.pmin(f32x4.splat(3.0e38), f32x4.pmax(f32x4.splat(0), x));
  const one = f32x4.add(f32x4.splat(1), positive);
  // What the addition has rounded away, as a part of the sum: it is all there is for small x.
  const lost = f32x4.div(f32x4.sub(positive, f32x4.sub(one, f32x4.splat(1))), one);
  // one = 2^exponent (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)).
  const shifted = i32x4.sub(one, i32x4.splat(0x3f3504f3));
  const exponent = i32x4.shr_s(shifted, 23);
  const m = f32x4.sub(i32x4.sub(one, i32x4.shl(exponent, 23)), f32x4.splat(1));
  let p = madd(f32x4.splat(0.08960988755), m, f32x4.splat(-0.1448396996));
  p = madd(p, m, f32x4.splat(0.1491776293));
  p = madd(p, m, f32x4.splat(-0.1654351687));
  p = madd(p, m, f32x4.splat(0.1995836151));
  p = madd(p, m, f32x4.splat(-0.2500295404));
  p = madd(p, m, f32x4.splat(0.333341621));
  p = madd(p, m, f32x4.splat(-0.4999997767));
  p = madd(p, m, f32x4.splat(0.999999975));
  return madd(f32x4.convert_i32x4_s(exponent), f32x4.splat(Mathf.LN2), madd(p, m, lost));
}

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
