/** Four-lane pieces that the kernels share: activations, cells, the albedo's texture. */
import { madd } from './simd-math';

/** 2^t for -126 <= t <= 127 with a relative error of 4e-6, exactly 0 for t <= -127 and for NaN. */
export function exp2(x: v128): v128 {
  const t = f32x4.pmax(f32x4.splat(-127.0), x);
  // Adding 1.5 * 2^23 rounds to an integer, which is left in the low bits.
  const rounded = f32x4.add(t, f32x4.splat(12582912.0));
  const f = f32x4.sub(t, f32x4.sub(rounded, f32x4.splat(12582912.0)));
  const low = madd(f32x4.splat(0.693121045203427), f, f32x4.splat(0.9999999999999998));
  const middle = madd(f32x4.splat(0.05592197584225626), f, f32x4.splat(0.24022349038020338));
  const square = f32x4.mul(f, f);
  const high = madd(f32x4.splat(0.009666368515387434), square, middle);
  return i32x4.add(madd(high, square, low), i32x4.shl(rounded, 23));
}

/** -log2(1 + e^x): minus the softplus of x in base 2, with a relative error of 1e-6. */
export function negativeSoftplus(x: v128): v128 {
  const t = f32x4.mul(f32x4.splat(Mathf.LOG2E), x);
  const negative = f32x4.max(f32x4.splat(-126.0), f32x4.neg(f32x4.abs(t)));
  const rounded = f32x4.nearest(negative);
  const f = f32x4.sub(negative, rounded);
  let p = madd(f32x4.splat(0.0013409991), f, f32x4.splat(0.0096760364));
  p = madd(p, f, f32x4.splat(0.0555029734));
  p = madd(p, f, f32x4.splat(0.2402210737));
  p = madd(p, f, f32x4.splat(0.6931472254));
  p = madd(p, f, f32x4.splat(1.0));
  const u = i32x4.add(p, i32x4.shl(i32x4.trunc_sat_f32x4_s(rounded), 23));
  // log2(1 + u) / u for 0 <= u <= 1.
  let q = madd(f32x4.splat(0.0077671226), u, f32x4.splat(-0.0434391707));
  q = madd(q, u, f32x4.splat(0.1142740186));
  q = madd(q, u, f32x4.splat(-0.1983193036));
  q = madd(q, u, f32x4.splat(0.2762044155));
  q = madd(q, u, f32x4.splat(-0.358551885));
  q = madd(q, u, f32x4.splat(0.4807108984));
  q = madd(q, u, f32x4.splat(-0.721341063));
  q = madd(q, u, f32x4.splat(1.4426950041));
  return f32x4.neg(madd(q, u, f32x4.max(f32x4.splat(0), t)));
}

/** 1 / (1 + e^-x) with a relative error of 5e-6. */
export function sigmoid(x: v128): v128 {
  const t = f32x4.pmin(f32x4.splat(126.0), f32x4.mul(f32x4.splat(-Mathf.LOG2E), x));
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp2(t)));
}

let albedoEpsilon: f32 = 0.01;
let maxAlbedoRatio: f32 = 8;
let guideScale: f32 = 8;

/** Sets the constants of the model, for all calls that follow. */
export function setConstants(epsilon: f32, maxRatio: f32, scale: f32): void {
  albedoEpsilon = epsilon;
  maxAlbedoRatio = maxRatio;
  guideScale = scale;
}

/**
 * What light is multiplied by to get the texture of its albedo back: 1 + gate ((albedo + e) / (filtered + e) - 1), the ratio
 * within [1/m, m].
 */
export function albedoGain(albedo: v128, filtered: v128, gate: v128): v128 {
  const epsilon = f32x4.splat(albedoEpsilon);
  let ratio = f32x4.div(f32x4.add(albedo, epsilon), f32x4.add(filtered, epsilon));
  ratio = f32x4.pmin(f32x4.splat(maxAlbedoRatio), f32x4.pmax(f32x4.splat(1 / maxAlbedoRatio), ratio));
  return madd(gate, f32x4.sub(ratio, f32x4.splat(1)), f32x4.splat(1));
}

/** Eight neighbouring pixels of a row from two times four cells; channel 4c+2v+u is pixel (2y+v, 2x+u) of plane c. */
export function loadLeft(cells: usize, plane: usize): v128 {
  return v128.shuffle<f32>(v128.load(cells), v128.load(cells + plane), 0, 4, 1, 5);
}

export function loadRight(cells: usize, plane: usize): v128 {
  return v128.shuffle<f32>(v128.load(cells), v128.load(cells + plane), 2, 6, 3, 7);
}

/** Logarithms of light and albedos, as guides, count times this. */
export function getGuideScale(): f32 {
  return guideScale;
}
