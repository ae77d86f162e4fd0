/** Four-lane arithmetic that several modules share. */

/** a * b + c, in one rounding where relaxed SIMD is there. */
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** 2^x for -126 <= x <= 127 with a relative error of 4e-6, exactly 0 for x <= -127 and for NaN. */
export function exp2(x: v128): v128 {
  const t = f32x4.pmax(f32x4.splat(-127.0), x);
  // Adding 1.5 * 2^23 rounds to an integer, which is left in the low bits.
  const rounded = f32x4.add(t, f32x4.splat(12582912.0));
  const f = f32x4.sub(t, f32x4.sub(rounded, f32x4.splat(12582912.0)));
  let p = madd(f32x4.splat(0.009666368515387434), f, f32x4.splat(0.05592197584225626));
  p = madd(p, f, f32x4.splat(0.24022349038020338));
  p = madd(p, f, f32x4.splat(0.693121045203427));
  p = madd(p, f, f32x4.splat(0.9999999999999998));
  return i32x4.add(p, i32x4.shl(rounded, 23));
}

/** log(1 + x) with a relative error of 1e-6, from the smallest x to 3e38; 0 for x below 0 and NaN. */
export function log1p(x: v128): v128 {
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
