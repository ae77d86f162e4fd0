/**
 * The filter of the preview for one tile (AssemblyScript, SIMD): an edge-avoiding a-trous cross-bilateral filter with
 * parameters for every pixel. The formulas are those of `training/quietframe_training/pkn/cross_bilateral.py`.
 *
 * Planes are float32 with PAD pixels around the tile, rows of `stride` pixels (a multiple of 4, at least the width plus
 * 2 * PAD + 4). Maps have half the resolution, one pixel around, rows of `mapStride`.
 */
import { exp2, log1p, madd } from './simd-math';

const PAD: usize = 8;
/** Columns that a pass goes through from top to bottom: what it reads of them fits a processor's cache. */
const COLUMNS: usize = 256;
const LOG2E = <f32>Math.LOG2E;
const ALBEDO_EPSILON: f32 = 0.05;
const DARKNESS: f32 = 0.05;
/** The mean of neighbours is taken to be at least this bright. */
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

/** Sum of the eight neighbours. */
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

/** Scales pixels of `channels` planes whose luminance is more than `firefly` times the mean of their neighbours'. */
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

function squaredDifference(a: v128, b: v128): v128 {
  const d = f32x4.sub(a, b);
  return f32x4.mul(d, d);
}

function addSquaredDifference(a: v128, b: v128, sum: v128): v128 {
  const d = f32x4.sub(a, b);
  return madd(d, d, sum);
}

/** Exponents grow with the squares of the parameters; weights are powers of two. */
function precision(parameter: v128): v128 {
  return f32x4.mul(f32x4.splat(-LOG2E), f32x4.mul(parameter, parameter));
}

/**
 * One pass: every pixel of `light` with weight 1 and its eight neighbours at `distance` into `target`, `channels` planes
 * each; `surface` is albedo and normal, six planes. Maps: color, albedo, normal, spread.
 * @param scratch of four rows of `stride` and one vector for each neighbour.
 */
export function average(
  light: usize,
  target: usize,
  channels: usize,
  guide: usize,
  surface: usize,
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
  const weights = scratch + 4 * row;
  for (let begin: usize = 0; begin < width; begin += COLUMNS) {
    const end = min(begin + COLUMNS, width);
    for (let y: usize = 0; y < height; y++) {
      expandRow(color, mapStride, y, begin, end, scratch);
      expandRow(albedo, mapStride, y, begin, end, scratch + row);
      expandRow(normal, mapStride, y, begin, end, scratch + 2 * row);
      expandRow(spread, mapStride, y, begin, end, scratch + 3 * row);
      for (let x = begin; x < end; x += 4) {
        const at = (PAD + y) * row + ((PAD + x) << 2);
        const parameters = scratch + (x << 2);
        const ofColor = precision(v128.load(parameters));
        const ofAlbedo = precision(v128.load(parameters + row));
        const ofNormal = precision(v128.load(parameters + 2 * row));
        const strength = v128.load(parameters + 3 * row);
        const g = guide + at;
        const s = surface + at;
        const l = light + at;
        // Nothing is loaded twice, for a compiler cannot know that stores do not change what is loaded.
        const light0 = v128.load(g);
        const albedo0 = v128.load(s);
        const albedo1 = v128.load(s + plane);
        const albedo2 = v128.load(s + 2 * plane);
        const normal0 = v128.load(s + 3 * plane);
        const normal1 = v128.load(s + 4 * plane);
        const normal2 = v128.load(s + 5 * plane);
        let total = f32x4.splat(1);
        let red = v128.load(l);
        let green = v128.load(l + plane);
        let blue = v128.load(l + 2 * plane);
        let kept = weights;
        for (let dy: isize = -1; dy <= 1; dy++) {
          for (let dx: isize = -1; dx <= 1; dx++) {
            if (dy === 0 && dx === 0) continue;
            const shift = <usize>dy * down + <usize>dx * across;
            let p = s + shift;
            let ofA = squaredDifference(v128.load(p), albedo0);
            p += plane;
            ofA = addSquaredDifference(v128.load(p), albedo1, ofA);
            p += plane;
            ofA = addSquaredDifference(v128.load(p), albedo2, ofA);
            p += plane;
            let ofN = squaredDifference(v128.load(p), normal0);
            p += plane;
            ofN = addSquaredDifference(v128.load(p), normal1, ofN);
            p += plane;
            ofN = addSquaredDifference(v128.load(p), normal2, ofN);
            const ofC = squaredDifference(v128.load(g + shift), light0);
            const exponent = madd(ofColor, ofC, madd(ofAlbedo, ofA, f32x4.mul(ofNormal, ofN)));
            const weight = f32x4.mul(strength, exp2(exponent));
            total = f32x4.add(total, weight);
            p = l + shift;
            red = madd(weight, v128.load(p), red);
            p += plane;
            green = madd(weight, v128.load(p), green);
            p += plane;
            blue = madd(weight, v128.load(p), blue);
            if (channels > 3) {
              v128.store(kept, weight);
              kept += 16;
            }
          }
        }
        const share = f32x4.div(f32x4.splat(1), total);
        const t = target + at;
        v128.store(t, f32x4.mul(red, share));
        v128.store(t + plane, f32x4.mul(green, share));
        v128.store(t + 2 * plane, f32x4.mul(blue, share));
        for (let c: usize = 3; c < channels; c++) {
          const p = l + c * plane;
          let sum = v128.load(p);
          kept = weights;
          for (let dy: isize = -1; dy <= 1; dy++) {
            for (let dx: isize = -1; dx <= 1; dx++) {
              if (dy === 0 && dx === 0) continue;
              sum = madd(v128.load(kept), v128.load(p + <usize>dy * down + <usize>dx * across), sum);
              kept += 16;
            }
          }
          v128.store(t + c * plane, f32x4.mul(sum, share));
        }
      }
    }
  }
}
