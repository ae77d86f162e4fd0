/** Four-lane arithmetic that the filters of Procedural Kernel Networks share. */

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
