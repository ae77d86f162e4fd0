/**
 * The filter of the preview for one tile (AssemblyScript, SIMD): an edge-avoiding a-trous cross-bilateral filter with
 * parameters for every pixel. The formulas are those of `training/quietframe_training/pkn/cross_bilateral.py`.
 *
 * Planes are float32 with PAD pixels around the tile, rows of `stride` pixels (a multiple of 4, at least the width plus
 * 2 * PAD + 4). Maps have half the resolution, one pixel around, rows of `mapStride`.
 */
import { exp2, log1p, madd } from './simd-math';

const PAD: usize = 8;
/** Pixels of a row whose weights are kept at once: they fit a processor's nearest cache. */
const CHUNK: usize = 128;
const LOG2E = <f32>Math.LOG2E;
const ALBEDO_EPSILON: f32 = 0.05;
const DARKNESS: f32 = 0.05;
/** The mean of neighbors is taken to be at least this bright. */
const FIREFLY_FLOOR: f32 = 0.01;

function base(albedo: v128): v128 {
  const limited = f32x4.pmin(f32x4.splat(1), f32x4.pmax(f32x4.splat(0), albedo));
  return f32x4.add(limited, f32x4.splat(ALBEDO_EPSILON));
}

/** light = scale * light / (albedo + epsilon), in place, over `bytes` of memory. */
export function demodulate(light: usize, albedo: usize, bytes: usize, scale: f32): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const scaled = f32x4.mul(f32x4.splat(scale), v128.load(light + i));
    v128.store(light + i, f32x4.div(scaled, base(v128.load(albedo + i))));
  }
}

/** The inverse of `demodulate`, where `scale` is its inverse too. */
export function remodulate(light: usize, albedo: usize, bytes: usize, scale: f32): void {
  for (let i: usize = 0; i < bytes; i += 16) {
    const scaled = f32x4.mul(f32x4.splat(scale), v128.load(light + i));
    v128.store(light + i, f32x4.mul(scaled, base(v128.load(albedo + i))));
  }
}

/** Repeats the border pixels of a plane into the pixels around it. */
export function repeatBorder(plane: usize, width: usize, height: usize, stride: usize): void {
  const row = stride << 2;
  const first = plane + PAD * row;
  for (let y: usize = 0; y < height; y++) {
    const left = first + y * row;
    const right = left + ((PAD + width) << 2);
    const leftmost = load<f32>(left + (PAD << 2));
    const rightmost = load<f32>(right - 4);
    for (let x: usize = 0; x < PAD; x++) {
      store<f32>(left + (x << 2), leftmost);
      store<f32>(right + (x << 2), rightmost);
    }
  }
  const last = first + (height - 1) * row;
  for (let y: usize = 0; y < PAD; y++) {
    memory.copy(plane + y * row, first, row);
    memory.copy(last + (y + 1) * row, last, row);
  }
}

/** Luminance of three planes that are `plane` bytes apart. */
export function luminance(light: usize, plane: usize, to: usize): void {
  for (let i: usize = 0; i < plane; i += 16) {
    const red = f32x4.mul(f32x4.splat(0.2126), v128.load(light + i));
    const green = madd(f32x4.splat(0.7152), v128.load(light + plane + i), red);
    v128.store(to + i, madd(f32x4.splat(0.0722), v128.load(light + 2 * plane + i), green));
  }
}

/** Sum of the eight neighbors. */
function around(at: usize, row: usize): v128 {
  let sum = f32x4.add(v128.load(at - 4), v128.load(at + 4));
  for (let p = at - row; p <= at + row; p += 2 * row) {
    sum = f32x4.add(sum, f32x4.add(v128.load(p), f32x4.add(v128.load(p - 4), v128.load(p + 4))));
  }
  return sum;
}

/** ln(1 + L / darkness) of the mean luminance L of 3x3 pixels. */
export function logLight(from: usize, to: usize, width: usize, height: usize, stride: usize): void {
  const row = stride << 2;
  const scale = f32x4.splat(1 / (9 * DARKNESS));
  for (let y: usize = 0; y < height; y++) {
    const start = (PAD + y) * row + (PAD << 2);
    for (let x: usize = 0; x < width; x += 4) {
      const at = start + (x << 2);
      const sum = f32x4.add(around(from + at, row), v128.load(from + at));
      v128.store(to + at, log1p(f32x4.mul(scale, sum)));
    }
  }
}

/** Bilinear values of row y of a map at the resolution of the pictures, from column `begin`, a multiple of 8, to `end`. */
function expandRow(map: usize, mapStride: usize, y: usize, begin: usize, end: usize, to: usize): void {
  const row = mapStride << 2;
  // Row 0 of memory is that above the first.
  const near = map + ((y >> 1) + 1) * row;
  const far = (y & 1) === 0 ? near - row : near + row;
  const quarter = f32x4.splat(0.25);
  const most = f32x4.splat(0.75);
  for (let x = begin; x < end; x += 8) {
    const i = (x << 1) + 4;
    const left = madd(most, v128.load(near + i - 4), f32x4.mul(quarter, v128.load(far + i - 4)));
    const center = madd(most, v128.load(near + i), f32x4.mul(quarter, v128.load(far + i)));
    const right = madd(most, v128.load(near + i + 4), f32x4.mul(quarter, v128.load(far + i + 4)));
    const even = madd(most, center, f32x4.mul(quarter, left));
    const odd = madd(most, center, f32x4.mul(quarter, right));
    v128.store(to + (x << 2), v128.shuffle<f32>(even, odd, 0, 4, 1, 5));
    v128.store(to + (x << 2), v128.shuffle<f32>(even, odd, 2, 6, 3, 7), 16);
  }
}

/** Scales pixels of `channels` planes whose luminance is more than `firefly` times the mean of their neighbors'. */
export function limitFireflies(
  light: usize,
  channels: usize,
  from: usize,
  firefly: usize,
  mapStride: usize,
  scratch: usize,
  width: usize,
  height: usize,
  stride: usize,
): void {
  const row = stride << 2;
  const plane = (height + 2 * PAD) * row;
  for (let y: usize = 0; y < height; y++) {
    expandRow(firefly, mapStride, y, 0, width, scratch);
    for (let x: usize = 0; x < width; x += 4) {
      const at = (PAD + y) * row + ((PAD + x) << 2);
      const mean = f32x4.mul(f32x4.splat(0.125), around(from + at, row));
      const bright = f32x4.add(f32x4.pmax(f32x4.splat(0), mean), f32x4.splat(FIREFLY_FLOOR));
      const limit = f32x4.mul(v128.load(scratch + (x << 2)), bright);
      const own = f32x4.pmax(f32x4.splat(1e-6), v128.load(from + at));
      const scale = f32x4.pmin(f32x4.splat(1), f32x4.div(limit, own));
      for (let c: usize = 0; c < channels; c++) {
        const p = light + c * plane + at;
        v128.store(p, f32x4.mul(scale, v128.load(p)));
      }
    }
  }
}

/** Exponents grow with the squares of the parameters; weights are powers of two. */
function precision(parameter: v128): v128 {
  return f32x4.mul(f32x4.splat(-LOG2E), f32x4.mul(parameter, parameter));
}

/**
 * Exponents of four neighbors, which are `shift0` to `shift3` bytes from the pixels at `at`, in the planes of albedo, normal
 * and guide; `precisions` has those of the three. One channel after the other, so that sums and what is loaded fit the
 * registers of processors.
 */
function exponents(
  at: usize,
  plane: usize,
  shift0: usize,
  shift1: usize,
  shift2: usize,
  shift3: usize,
  precisions: usize,
  to: usize,
): void {
  let e0 = f32x4.splat(0);
  let e1 = e0;
  let e2 = e0;
  let e3 = e0;
  const end = at + 6 * plane;
  for (let p = at; p < end; precisions += 16) {
    let a0 = f32x4.splat(0);
    let a1 = a0;
    let a2 = a0;
    let a3 = a0;
    for (const next = p + 3 * plane; p < next; p += plane) {
      const own = v128.load(p);
      const d0 = f32x4.sub(v128.load(p + shift0), own);
      const d1 = f32x4.sub(v128.load(p + shift1), own);
      const d2 = f32x4.sub(v128.load(p + shift2), own);
      const d3 = f32x4.sub(v128.load(p + shift3), own);
      a0 = madd(d0, d0, a0);
      a1 = madd(d1, d1, a1);
      a2 = madd(d2, d2, a2);
      a3 = madd(d3, d3, a3);
    }
    const weight = v128.load(precisions);
    e0 = madd(weight, a0, e0);
    e1 = madd(weight, a1, e1);
    e2 = madd(weight, a2, e2);
    e3 = madd(weight, a3, e3);
  }
  const weight = v128.load(precisions);
  const own = v128.load(end);
  const d0 = f32x4.sub(v128.load(end + shift0), own);
  const d1 = f32x4.sub(v128.load(end + shift1), own);
  const d2 = f32x4.sub(v128.load(end + shift2), own);
  const d3 = f32x4.sub(v128.load(end + shift3), own);
  v128.store(to, madd(f32x4.mul(weight, d0), d0, e0));
  v128.store(to, madd(f32x4.mul(weight, d1), d1, e1), 16);
  v128.store(to, madd(f32x4.mul(weight, d2), d2, e2), 32);
  v128.store(to, madd(f32x4.mul(weight, d3), d3, e3), 48);
}

/**
 * One pass: every pixel of `light` with weight 1 and its eight neighbors at `distance` into `target`, `channels` planes
 * each; `guides` are albedo 3, normal 3 and the logarithm of light. Maps: color, albedo, normal, spread.
 * @param scratch of four rows of `stride` and 1044 floats
 */
export function average(
  light: usize,
  target: usize,
  channels: usize,
  guides: usize,
  color: usize,
  albedo: usize,
  normal: usize,
  spread: usize,
  mapStride: usize,
  scratch: usize,
  width: usize,
  height: usize,
  stride: usize,
  distance: usize,
): void {
  const row = stride << 2;
  const plane = (height + 2 * PAD) * row;
  const down = distance * row;
  const across = distance << 2;
  const precisions = scratch + 4 * row;
  const shifts = precisions + 48;
  const weights = shifts + 32;
  store<usize>(shifts, 0 - down - across, 0);
  store<usize>(shifts, 0 - down, 4);
  store<usize>(shifts, across - down, 8);
  store<usize>(shifts, 0 - across, 12);
  store<usize>(shifts, across, 16);
  store<usize>(shifts, down - across, 20);
  store<usize>(shifts, down, 24);
  store<usize>(shifts, down + across, 28);
  for (let y: usize = 0; y < height; y++) {
    expandRow(color, mapStride, y, 0, width, scratch);
    expandRow(albedo, mapStride, y, 0, width, scratch + row);
    expandRow(normal, mapStride, y, 0, width, scratch + 2 * row);
    expandRow(spread, mapStride, y, 0, width, scratch + 3 * row);
    const start = (PAD + y) * row + (PAD << 2);
    for (let begin: usize = 0; begin < width; begin += CHUNK) {
      const end = min(begin + CHUNK, width);
      let w = weights;
      for (let x = begin; x < end; x += 4) {
        const parameters = scratch + (x << 2);
        v128.store(precisions, precision(v128.load(parameters + row)));
        v128.store(precisions, precision(v128.load(parameters + 2 * row)), 16);
        v128.store(precisions, precision(v128.load(parameters)), 32);
        const at = guides + start + (x << 2);
        exponents(at, plane, 0 - down - across, 0 - down, across - down, 0 - across, precisions, w);
        exponents(at, plane, across, down - across, down, down + across, precisions, w + 64);
        w += 128;
      }
      w = weights;
      for (let x = begin; x < end; x += 4) {
        const strength = v128.load(scratch + (x << 2) + 3 * row);
        for (const last = w + 128; w < last; w += 32) {
          v128.store(w, f32x4.mul(strength, exp2(v128.load(w))));
          v128.store(w, f32x4.mul(strength, exp2(v128.load(w, 16))), 16);
        }
      }
      w = weights;
      for (let x = begin; x < end; x += 4) {
        const at = start + (x << 2);
        const l = light + at;
        let total = f32x4.splat(1);
        let red = v128.load(l);
        let green = v128.load(l + plane);
        let blue = v128.load(l + 2 * plane);
        for (let i: usize = 0; i < 8; i++) {
          const weight = v128.load(w + (i << 4));
          const p = l + load<usize>(shifts + (i << 2));
          total = f32x4.add(total, weight);
          red = madd(weight, v128.load(p), red);
          green = madd(weight, v128.load(p + plane), green);
          blue = madd(weight, v128.load(p + 2 * plane), blue);
        }
        const share = f32x4.div(f32x4.splat(1), total);
        const t = target + at;
        v128.store(t, f32x4.mul(red, share));
        v128.store(t + plane, f32x4.mul(green, share));
        v128.store(t + 2 * plane, f32x4.mul(blue, share));
        for (let c: usize = 3; c < channels; c++) {
          const p = l + c * plane;
          let sum = v128.load(p);
          for (let i: usize = 0; i < 8; i++) {
            sum = madd(v128.load(w + (i << 4)), v128.load(p + load<usize>(shifts + (i << 2))), sum);
          }
          v128.store(t + c * plane, f32x4.mul(sum, share));
        }
        w += 128;
      }
    }
  }
}
