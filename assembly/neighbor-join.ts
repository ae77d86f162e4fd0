/**
 * Kernels of a frame's pixels, repositioned along motion in another frame of its window, for one strip of a tile
 * (AssemblyScript, 128-bit SIMD). The weight of tap q for pixel p, whose content is at p + m in the other frame, is
 *
 *     exp(weight_p - sharpness_p |q - p - m|^2 - bandwidth_p |guide_p - guide_q|^2 - ...)
 *
 * with one bandwidth for the logarithm of light and one for the albedo. The frame itself counts with weight 1.
 *
 * A strip is 224 pixels wide; a row of a region of the other frame has 256. Layout, all float32:
 *
 *     kernels  [rows][4][224]            weight, minus the sharpness, minus the bandwidths; times log2(e)
 *     centers  [rows][6][224]            the frame itself: logarithms of light, albedo
 *     region   [rows][6+lights][256]    logarithms of light, albedo, planes of light, at least three
 *     output   [rows][4+lights][224]     sums of albedo, of the planes of light, of the weights
 */
import { albedoGain, exp2, getGuideScale, loadLeft, loadRight, negativeSoftplus } from './kernel-math';
import { log1p, madd } from './simd-math';

export { setConstants } from './kernel-math';

const VECTOR: usize = 16;
const PIXEL: usize = 4;
const PLANE: usize = 896;
const REGION_PLANE: usize = 1024;
/** Bytes of the logarithms and the albedo of a row of a region. */
const GUIDES: usize = 6 * REGION_PLANE;

/** log(1 + scale * x) for rows of four-pixel vectors; `bytes` is a multiple of 16. Nothing is below 0. */
export function logarithms(from: usize, to: usize, bytes: usize, scale: f32): void {
  const s = f32x4.splat(scale);
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    v128.store(to + i, log1p(f32x4.mul(s, v128.load(from + i))));
  }
}

/**
 * A row of kernels with their activations from what the network predicts. `cells` is the left cell of the row in the first
 * channel of the slot, a channel has `plane` bytes; channel 4c+2v+u is pixel (2y+v, 2x+u) of c. Reads 112 cells, whether
 * they belong to the row or not.
 */
export function unpackKernels(cells: usize, plane: usize, kernels: usize): void {
  for (let c = 0; c < 4; c++) {
    for (let i: usize = 0; i < PLANE; i += 2 * VECTOR) {
      v128.store(kernels + i, activated(loadLeft(cells + (i >> 1), plane), c));
      v128.store(kernels + i, activated(loadRight(cells + (i >> 1), plane), c), 16);
    }
    cells += 4 * plane;
    kernels += PLANE;
  }
}

/** A weight is at most e^4; the others are minus their softplus, those of guides in the units of the planes. */
function activated(x: v128, c: i32): v128 {
  if (c === 0) return f32x4.mul(f32x4.splat(Mathf.LOG2E), f32x4.pmin(f32x4.splat(4), x));
  const negative = negativeSoftplus(x);
  return c === 1 ? negative : f32x4.mul(f32x4.splat(getGuideScale() * getGuideScale()), negative);
}

/**
 * Moves the pixels of a strip along their motion: places [2][rows][224] int32, x then y of the pixel that is nearest, -1 where
 * that is not in the other frame, and rests [2][rows][224], the motion from there on. `motion` [2][rows][224] may be NaN;
 * the first pixel of the strip is at (left, top) of a frame of width x height.
 */
export function findPlaces(
  rows: i32,
  columns: i32,
  left: f32,
  top: f32,
  width: f32,
  height: f32,
  motion: usize,
  places: usize,
  rests: usize,
): void {
  const plane = <usize>rows * PLANE;
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const at = <usize>y * PLANE + ((<usize>x) << 2);
      const moveX = load<f32>(motion + at);
      const moveY = load<f32>(motion + plane + at);
      const wholeX = floor<f32>(moveX + <f32>0.5);
      const wholeY = floor<f32>(moveY + <f32>0.5);
      const placeX = left + <f32>x + wholeX;
      const placeY = top + <f32>y + wholeY;
      const inside = placeX >= 0 && placeX < width && placeY >= 0 && placeY < height;
      store<i32>(places + at, inside ? <i32>placeX : -1);
      store<i32>(places + plane + at, inside ? <i32>placeY : -1);
      store<f32>(rests + at, inside ? moveX - wholeX : 0);
      store<f32>(rests + plane + at, inside ? moveY - wholeY : 0);
    }
  }
}

/** The least and largest x, then y, of the places of a part of a strip of `rows`, as int32; -1 where there are none. */
export function placeBounds(
  rows: i32,
  firstRow: i32,
  endRow: i32,
  firstColumn: i32,
  endColumn: i32,
  places: usize,
  bounds: usize,
): void {
  const plane = <usize>rows * PLANE;
  let left = i32.MAX_VALUE;
  let top = i32.MAX_VALUE;
  let right = -1;
  let bottom = -1;
  for (let y = firstRow; y < endRow; y++) {
    for (let x = firstColumn; x < endColumn; x++) {
      const at = places + <usize>y * PLANE + ((<usize>x) << 2);
      const placeX = load<i32>(at);
      if (placeX < 0) continue;
      const placeY = load<i32>(at + plane);
      left = min(left, placeX);
      right = max(right, placeX);
      top = min(top, placeY);
      bottom = max(bottom, placeY);
    }
  }
  store<i32>(bounds, left, 0);
  store<i32>(bounds, right, 4);
  store<i32>(bounds, top, 8);
  store<i32>(bounds, bottom, 12);
}

/**
 * The offsets of `join` for a part of a strip, in a region whose first place is (left, top); -1 for the other pixels of its
 * vectors of four.
 */
export function placeOffsets(
  rows: i32,
  firstRow: i32,
  endRow: i32,
  firstColumn: i32,
  endColumn: i32,
  left: i32,
  top: i32,
  regionRow: i32,
  places: usize,
  offsets: usize,
): void {
  const plane = <usize>rows * PLANE;
  const begin = firstColumn & ~3;
  const end = (endColumn + 3) & ~3;
  for (let y = firstRow; y < endRow; y++) {
    for (let x = begin; x < end; x++) {
      const at = <usize>y * PLANE + ((<usize>x) << 2);
      const placeX = x >= firstColumn && x < endColumn ? load<i32>(places + at) : -1;
      const placeY = load<i32>(places + plane + at);
      store<i32>(offsets + at, placeX < 0 ? -1 : (placeY - top) * regionRow + 4 * (placeX - left));
    }
  }
}

/** Copies the K x K taps of four pixels that lie apart side by side: a tap becomes four floats. */
function gatherTaps(K: i32, region: usize, offsets: v128, regionRow: usize, taps: usize): void {
  const p0 = region + i32x4.extract_lane(offsets, 0);
  const p1 = region + i32x4.extract_lane(offsets, 1);
  const p2 = region + i32x4.extract_lane(offsets, 2);
  const p3 = region + i32x4.extract_lane(offsets, 3);
  for (let i: usize = 0; i < <usize>K * regionRow; i += REGION_PLANE) {
    for (let x: usize = 0; x < <usize>K * PIXEL; x += PIXEL) {
      let tap = v128.load32_zero(p0 + i + x);
      tap = v128.load_lane<f32>(p1 + i + x, tap, 1);
      tap = v128.load_lane<f32>(p2 + i + x, tap, 2);
      tap = v128.load_lane<f32>(p3 + i + x, tap, 3);
      v128.store(taps + i + 4 * x, tap);
    }
  }
}

function squared(x: v128): v128 {
  return f32x4.mul(x, x);
}

/** Squared distance of three planes of a tap, `stride` bytes apart, from three values. */
function distance(tap: usize, stride: usize, a: v128, b: v128, c: v128): v128 {
  const da = f32x4.sub(v128.load(tap), a);
  const db = f32x4.sub(v128.load(tap + stride), b);
  const dc = f32x4.sub(v128.load(tap + 2 * stride), c);
  return madd(da, da, madd(db, db, f32x4.mul(dc, dc)));
}

/**
 * Adds what the kernels find in a region of another frame to the sums of rows of a strip; K is odd. `offsets` [rows][224] int32
 * has the byte offset in the region of the top left tap of each pixel, negative where there is none. `plane` bytes lie
 * between the two planes of `rests`; `taps` has space for K rows of a region and `weights` for K * K vectors.
 */
export function join(
  rows: i32,
  begin: usize,
  end: usize,
  K: i32,
  lights: i32,
  kernels: usize,
  centers: usize,
  rests: usize,
  plane: usize,
  region: usize,
  offsets: usize,
  output: usize,
  taps: usize,
  weights: usize,
): void {
  const regionRow = GUIDES + <usize>lights * REGION_PLANE;
  for (let y = 0; y < rows; y++) {
    for (let v = begin; v < end; v += VECTOR) {
      let place = v128.load(offsets + v);
      const outside = i32x4.bitmask(place);
      if (outside === 15) continue;
      const inside = i32x4.ge_s(place, i32x4.splat(0));
      if (outside !== 0) {
        // Any place does for pixels that are left out.
        const some = load<i32>(offsets + v + ((<usize>ctz(~outside)) << 2));
        place = v128.bitselect(place, i32x4.splat(some), inside);
      }
      let first = region + i32x4.extract_lane(place, 0);
      let step = PIXEL;
      const steps = i32x4.sub(place, i32x4.splat(i32x4.extract_lane(place, 0)));
      if (!i32x4.all_true(i32x4.eq(steps, i32x4(0, 4, 8, 12)))) {
        gatherTaps(K, region, place, regionRow, taps);
        first = taps;
        step = VECTOR;
      }
      predictWeights(K, kernels + v, centers + v, rests + v, plane, first, regionRow, step, inside, weights);
      applyWeights(K, lights, first, regionRow, step, weights, output + v);
    }
    kernels += 4 * PLANE;
    centers += 6 * PLANE;
    rests += PLANE;
    offsets += PLANE;
    output += <usize>(4 + lights) * PLANE;
  }
}

/** Weights of the taps of four pixels: [K*K][4]. */
function predictWeights(
  K: i32,
  kernel: usize,
  center: usize,
  rest: usize,
  plane: usize,
  first: usize,
  regionRow: usize,
  step: usize,
  inside: v128,
  weights: usize,
): void {
  const weight = v128.load(kernel);
  const sharpness = v128.load(kernel, PLANE);
  const lightBandwidth = v128.load(kernel, 2 * PLANE);
  const albedoBandwidth = v128.load(kernel, 3 * PLANE);
  const l0 = v128.load(center, 0 * PLANE);
  const l1 = v128.load(center, 1 * PLANE);
  const l2 = v128.load(center, 2 * PLANE);
  const a0 = v128.load(center, 3 * PLANE);
  const a1 = v128.load(center, 4 * PLANE);
  const a2 = v128.load(center, 5 * PLANE);
  const one = f32x4.splat(1);
  const radius = f32x4.splat(<f32>(K >> 1));
  const left = f32x4.sub(f32x4.neg(radius), v128.load(rest));
  let awayY = f32x4.sub(f32x4.neg(radius), v128.load(rest + plane));
  for (let dy = 0; dy < K; dy++) {
    const base = madd(sharpness, squared(awayY), weight);
    let awayX = left;
    let tap = first;
    for (let dx = 0; dx < K; dx++) {
      let z = madd(sharpness, squared(awayX), base);
      z = madd(lightBandwidth, distance(tap, REGION_PLANE, l0, l1, l2), z);
      z = madd(albedoBandwidth, distance(tap + 3 * REGION_PLANE, REGION_PLANE, a0, a1, a2), z);
      v128.store(weights, v128.and(inside, exp2(z)));
      weights += VECTOR;
      awayX = f32x4.add(awayX, one);
      tap += step;
    }
    awayY = f32x4.add(awayY, one);
    first += regionRow;
  }
}

/** Adds the weighted taps of four pixels to their sums. */
function applyWeights(
  K: i32,
  lights: i32,
  first: usize,
  regionRow: usize,
  step: usize,
  weights: usize,
  output: usize,
): void {
  let sum = v128.load(output + <usize>(3 + lights) * PLANE);
  let a = v128.load(output, 0 * PLANE);
  let b = v128.load(output, 1 * PLANE);
  let c = v128.load(output, 2 * PLANE);
  let d = v128.load(output, 3 * PLANE);
  let e = v128.load(output, 4 * PLANE);
  let f = v128.load(output, 5 * PLANE);
  let w = weights;
  let row = first + 3 * REGION_PLANE;
  for (let dy = 0; dy < K; dy++) {
    let tap = row;
    for (let dx = 0; dx < K; dx++) {
      const weight = v128.load(w);
      sum = f32x4.add(sum, weight);
      a = madd(weight, v128.load(tap, 0 * REGION_PLANE), a);
      b = madd(weight, v128.load(tap, 1 * REGION_PLANE), b);
      c = madd(weight, v128.load(tap, 2 * REGION_PLANE), c);
      d = madd(weight, v128.load(tap, 3 * REGION_PLANE), d);
      e = madd(weight, v128.load(tap, 4 * REGION_PLANE), e);
      f = madd(weight, v128.load(tap, 5 * REGION_PLANE), f);
      w += VECTOR;
      tap += step;
    }
    row += regionRow;
  }
  v128.store(output, a, 0 * PLANE);
  v128.store(output, b, 1 * PLANE);
  v128.store(output, c, 2 * PLANE);
  v128.store(output, d, 3 * PLANE);
  v128.store(output, e, 4 * PLANE);
  v128.store(output, f, 5 * PLANE);
  v128.store(output + <usize>(3 + lights) * PLANE, sum);
  for (let plane = 3; plane < lights; plane++) {
    const at = output + <usize>(3 + plane) * PLANE;
    let total = v128.load(at);
    w = weights;
    row = first + GUIDES + <usize>plane * REGION_PLANE;
    for (let dy = 0; dy < K; dy++) {
      let tap = row;
      for (let dx = 0; dx < K; dx++) {
        total = madd(v128.load(w), v128.load(tap), total);
        w += VECTOR;
        tap += step;
      }
      row += regionRow;
    }
    v128.store(at, total);
  }
}

/** Divides the sums of rows by those of the weights. */
export function divide(rows: i32, columns: i32, lights: i32, output: usize): void {
  for (let y = 0; y < rows; y++) {
    for (let x: usize = 0; x < <usize>columns * PIXEL; x += VECTOR) {
      const inverse = f32x4.div(f32x4.splat(1), v128.load(output + x + <usize>(3 + lights) * PLANE));
      for (let plane: usize = 0; plane < <usize>(3 + lights) * PLANE; plane += PLANE) {
        v128.store(output + x + plane, f32x4.mul(inverse, v128.load(output + x + plane)));
      }
    }
    output += <usize>(4 + lights) * PLANE;
  }
}

/**
 * Gives the texture of the frame's own albedo back to the three planes of light from `first` on, after `divide`: times
 * `albedoGain`. `gates` [rows][224].
 */
export function remodulate(
  rows: i32,
  columns: i32,
  lights: i32,
  first: i32,
  gates: usize,
  centers: usize,
  output: usize,
): void {
  for (let y = 0; y < rows; y++) {
    for (let x: usize = 0; x < <usize>columns * PIXEL; x += VECTOR) {
      const gate = v128.load(gates + x);
      for (let c: usize = 0; c < 3 * PLANE; c += PLANE) {
        const joined = v128.load(output + x + c);
        const albedo = v128.load(centers + x + 3 * PLANE + c);
        const factor = albedoGain(albedo, joined, gate);
        const at = output + x + c + <usize>(3 + first) * PLANE;
        v128.store(at, f32x4.mul(v128.load(at), factor));
      }
    }
    gates += PLANE;
    centers += 6 * PLANE;
    output += <usize>(4 + lights) * PLANE;
  }
}
