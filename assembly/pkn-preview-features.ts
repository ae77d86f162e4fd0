/**
 * What the network of the preview sees of a tile, at half its resolution (AssemblyScript, SIMD). The formulas are those of
 * `training/quietframe_training/pkn/preview.py`. Rows have a multiple of 8 pixels, and their number is even.
 */
import { log1p, madd } from './simd-math';

const ALBEDO_EPSILON: f32 = 0.05;
const DARKNESS: f32 = 0.05;
const LOG_SCALE: f32 = 0.25;
const NOISE_EPSILON: f32 = 0.02;
const MAX_NOISE: f32 = 4;
const DEVIATION_EPSILON: f32 = 1e-6;

function scaledLog(light: v128): v128 {
  return f32x4.mul(f32x4.splat(LOG_SCALE), log1p(f32x4.mul(f32x4.splat(1 / DARKNESS), light)));
}

function atLeast0(x: v128): v128 {
  return f32x4.pmax(f32x4.splat(0), x);
}

function luminanceOf(red: v128, green: v128, blue: v128): v128 {
  const sum = madd(f32x4.splat(0.7152), green, f32x4.mul(f32x4.splat(0.2126), red));
  return madd(f32x4.splat(0.0722), blue, sum);
}

function lightOf(color: v128, albedo: v128): v128 {
  return atLeast0(f32x4.div(color, f32x4.add(albedo, f32x4.splat(ALBEDO_EPSILON))));
}

function pairs(a: v128, b: v128): v128 {
  return f32x4.add(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
}

function meanOf(a: v128, b: v128): v128 {
  return f32x4.mul(f32x4.splat(0.25), pairs(a, b));
}

/** Means of 2x2 pixels, two rows of `row` bytes from `from`. */
function mean(from: usize, row: usize): v128 {
  const left = f32x4.add(v128.load(from), v128.load(from + row));
  return meanOf(left, f32x4.add(v128.load(from, 16), v128.load(from + row, 16)));
}

function meanSquare(from: usize, row: usize): v128 {
  const a = v128.load(from);
  const b = v128.load(from, 16);
  const c = v128.load(from + row);
  const d = v128.load(from + row, 16);
  return meanOf(madd(a, a, f32x4.mul(c, c)), madd(b, b, f32x4.mul(d, d)));
}

function largest(from: usize, row: usize): v128 {
  const a = f32x4.pmax(v128.load(from), v128.load(from + row));
  const b = f32x4.pmax(v128.load(from, 16), v128.load(from + row, 16));
  return f32x4.pmax(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
}

function smallest(from: usize, row: usize): v128 {
  const a = f32x4.pmin(v128.load(from), v128.load(from + row));
  const b = f32x4.pmin(v128.load(from, 16), v128.load(from + row, 16));
  return f32x4.pmin(v128.shuffle<f32>(a, b, 0, 2, 4, 6), v128.shuffle<f32>(a, b, 1, 3, 5, 7));
}

/** Three means, the deviation among the four pixels and the standard error, to five planes. */
function surface(from: usize, plane: usize, row: usize, to: usize, half: usize): void {
  let variance = f32x4.splat(0);
  for (let c: usize = 0; c < 3; c++) {
    const m = mean(from + c * plane, row);
    v128.store(to + c * half, m);
    variance = f32x4.add(variance, f32x4.sub(meanSquare(from + c * plane, row), f32x4.mul(m, m)));
  }
  v128.store(to + 3 * half, f32x4.sqrt(f32x4.add(atLeast0(variance), f32x4.splat(DEVIATION_EPSILON))));
  v128.store(to + 4 * half, f32x4.sqrt(mean(from + 3 * plane, row)));
}

/**
 * @param source 12 planes: colour 3 and its variance, albedo 3 in [0, 1] and its variance, normal 3 and its variance
 * @param scratch of ten rows
 * @param features 16 planes of half the resolution
 */
export function features(
  source: usize,
  scratch: usize,
  features: usize,
  width: usize,
  height: usize,
  exposure: f32,
): void {
  const row = width << 2;
  const plane = height * row;
  const half = plane >> 2;
  const scale = f32x4.splat(exposure);
  for (let y: usize = 0; y < height; y += 2) {
    for (let r: usize = 0; r < 2; r++) {
      for (let x: usize = 0; x < row; x += 16) {
        const p = source + (y + r) * row + x;
        const red = f32x4.mul(scale, v128.load(p));
        const green = f32x4.mul(scale, v128.load(p + plane));
        const blue = f32x4.mul(scale, v128.load(p + 2 * plane));
        const lightR = lightOf(red, v128.load(p + 4 * plane));
        const lightG = lightOf(green, v128.load(p + 5 * plane));
        const lightB = lightOf(blue, v128.load(p + 6 * plane));
        const level = f32x4.add(atLeast0(luminanceOf(red, green, blue)), f32x4.splat(NOISE_EPSILON));
        const noise = f32x4.div(f32x4.mul(scale, f32x4.sqrt(v128.load(p + 3 * plane))), level);
        const to = scratch + r * row + x;
        v128.store(to, scaledLog(lightR));
        v128.store(to + 2 * row, scaledLog(lightG));
        v128.store(to + 4 * row, scaledLog(lightB));
        v128.store(to + 6 * row, scaledLog(luminanceOf(lightR, lightG, lightB)));
        v128.store(to + 8 * row, f32x4.pmin(f32x4.splat(MAX_NOISE), noise));
      }
    }
    for (let x: usize = 0; x < row; x += 32) {
      const from = scratch + x;
      const to = features + (y >> 1) * (row >> 1) + (x >> 1);
      for (let c: usize = 0; c < 3; c++) v128.store(to + c * half, mean(from + 2 * c * row, row));
      const brightness = mean(from + 6 * row, row);
      v128.store(to + 3 * half, f32x4.sub(largest(from + 6 * row, row), brightness));
      v128.store(to + 4 * half, f32x4.sub(brightness, smallest(from + 6 * row, row)));
      v128.store(to + 5 * half, mean(from + 8 * row, row));
      const at = source + y * row + x;
      surface(at + 4 * plane, plane, row, to + 6 * half, half);
      surface(at + 8 * plane, plane, row, to + 11 * half, half);
    }
  }
}
