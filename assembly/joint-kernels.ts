/**
 * The kernels of a window as in figure 3 of Vogels et al. 2018: in each noisy frame one of K x K taps, and one softmax for all
 * frames (equation 4). For one strip of a tile (AssemblyScript, 128-bit SIMD). The logit of tap q for pixel p, whose content is
 * at p' in the other frame, is relative to that of the tap in the middle:
 *
 *     z_pq = (b_t - b_0) + (W_t - W_0) . context_p - bandwidth_p |embedding_p - embedding_q|^2 + weight_p
 *
 * with t = q - p'. Logits are in base 2. A vector holds four taps of a row, not four pixels: whatever the motion of neighboring
 * pixels, the taps of each lie side by side.
 *
 * A strip is 224 pixels wide, a row of a region 256. Layout, all float32:
 *
 *     taps     [K][C+1][T]        K taps of a row, row 0 the bias, -1e4 from K to T, a multiple of four
 *     queries  [rows][C+2][224]   context, minus the bandwidth, weight
 *     centers  [rows][E][224]     embedding of the pixels
 *     region   [.][E+3+lights][256]  embedding, albedo and light of the other frame; T - K columns more than the kernels read
 *     output   [rows][4+lights][224]  sums of albedo, of the planes of light, of the weights
 */
import { exp2, loadLeft, loadRight, negativeSoftplus } from './kernel-math';
import { madd } from './simd-math';

export { setConstants } from './kernel-math';
export { divide, findPlaces, placeBounds, placeOffsets, remodulate } from './neighbor-join';

const VECTOR: usize = 16;
const PIXEL: usize = 4;
const PLANE: usize = 896;
const REGION_PLANE: usize = 1024;

/**
 * A row of queries: the kernel of a single frame, and what a frame of the window changes about it. Both are the left cell of
 * the row in the first of their channels; a plane has `plane` bytes. Reads 112 cells, whether they belong to the row or not.
 */
export function unpackQueries(
  kernel: usize,
  changes: usize,
  plane: usize,
  channels: i32,
  queries: usize,
): void {
  for (let c = 0; c < channels + 2; c++) {
    for (let i: usize = 0; i < PLANE; i += 2 * VECTOR) {
      const at = i >> 1;
      let left = loadLeft(changes + at, plane);
      let right = loadRight(changes + at, plane);
      if (c <= channels) {
        left = f32x4.add(left, loadLeft(kernel + at, plane));
        right = f32x4.add(right, loadRight(kernel + at, plane));
      }
      v128.store(queries + i, activated(left, c, channels));
      v128.store(queries + i, activated(right, c, channels), 16);
    }
    kernel += 4 * plane;
    changes += 4 * plane;
    queries += PLANE;
  }
}

/** ReLU of the context, minus the softplus of the bandwidth; the logarithm of a weight is at most 4. */
function activated(x: v128, c: i32, channels: i32): v128 {
  if (c < channels) return f32x4.pmax(f32x4.splat(0), x);
  if (c === channels) return negativeSoftplus(x);
  return f32x4.mul(f32x4.splat(Mathf.LOG2E), f32x4.pmin(f32x4.splat(4), x));
}

function sumOf(x: v128): f32 {
  return (
    f32x4.extract_lane(x, 0) + f32x4.extract_lane(x, 1) + f32x4.extract_lane(x, 2) + f32x4.extract_lane(x, 3)
  );
}

/** Adds the splatted values of a pixel to the list at `to`: [count][4]. */
function splat(from: usize, count: i32, to: usize): void {
  for (let i = 0; i < count; i++) {
    v128.store(to, v128.load32_splat(from));
    from += PLANE;
    to += VECTOR;
  }
}

/**
 * Adds what the kernels find in a region of another frame to the sums of the columns `begin` to `end` of rows of a strip. The
 * offsets [rows][224] are those of the upper left tap of each pixel in the region, int32, negative where there is none.
 * `weights` has space for K * T floats, `values` for C + 2 + E vectors.
 */
export function join(
  rows: i32,
  begin: i32,
  end: i32,
  K: i32,
  T: i32,
  channels: i32,
  embeddings: i32,
  lights: i32,
  taps: usize,
  queries: usize,
  centers: usize,
  region: usize,
  offsets: usize,
  output: usize,
  weights: usize,
  values: usize,
): void {
  const regionRow = <usize>(embeddings + 3 + lights) * REGION_PLANE;
  const own = values + <usize>(channels + 2) * VECTOR;
  for (let y = 0; y < rows; y++) {
    for (let x = begin; x < end; x++) {
      const at = <usize>x * PIXEL;
      const offset = load<i32>(offsets + at);
      if (offset < 0) continue;
      splat(queries + at, channels + 2, values);
      splat(centers + at, embeddings, own);
      const first = region + offset;
      const total = predictWeights(K, T, channels, embeddings, taps, values, own, first, regionRow, weights);
      let to = output + at;
      let from = first + <usize>embeddings * REGION_PLANE;
      for (let plane = 0; plane < 3 + lights; plane++) {
        store<f32>(to, load<f32>(to) + weightedSum(K, T, weights, from, regionRow));
        from += REGION_PLANE;
        to += PLANE;
      }
      store<f32>(to, load<f32>(to) + total);
    }
    queries += <usize>(channels + 2) * PLANE;
    centers += <usize>embeddings * PLANE;
    offsets += PLANE;
    output += <usize>(4 + lights) * PLANE;
  }
}

/** Weights [K][T] of the taps of a pixel; returns their sum. */
function predictWeights(
  K: i32,
  T: i32,
  channels: i32,
  embeddings: i32,
  taps: usize,
  values: usize,
  own: usize,
  first: usize,
  regionRow: usize,
  weights: usize,
): f32 {
  const row = <usize>T * PIXEL;
  const bandwidth = v128.load(values + <usize>channels * VECTOR);
  const weight = v128.load(values + <usize>(channels + 1) * VECTOR);
  let sum = f32x4.splat(0);
  for (let dy = 0; dy < K; dy++) {
    for (let i: usize = 0; i < row; i += VECTOR) {
      let tap = taps + i;
      let logit = f32x4.add(weight, v128.load(tap));
      let value = values;
      for (let c = 0; c < channels; c++) {
        tap += row;
        logit = madd(v128.load(tap), v128.load(value), logit);
        value += VECTOR;
      }
      let distance = f32x4.splat(0);
      let key = first + i;
      let center = own;
      for (let e = 0; e < embeddings; e++) {
        const d = f32x4.sub(v128.load(key), v128.load(center));
        distance = madd(d, d, distance);
        key += REGION_PLANE;
        center += VECTOR;
      }
      const w = exp2(madd(bandwidth, distance, logit));
      v128.store(weights + i, w);
      sum = f32x4.add(sum, w);
    }
    taps += <usize>(channels + 1) * row;
    first += regionRow;
    weights += row;
  }
  return sumOf(sum);
}

function weightedSum(K: i32, T: i32, weights: usize, samples: usize, regionRow: usize): f32 {
  const row = <usize>T * PIXEL;
  let sum = f32x4.splat(0);
  for (let dy = 0; dy < K; dy++) {
    for (let i: usize = 0; i < row; i += VECTOR) {
      sum = madd(v128.load(weights + i), v128.load(samples + i), sum);
    }
    weights += row;
    samples += regionRow;
  }
  return sumOf(sum);
}
