/**
 * Kernel logits, softmax and application in one go, for one strip of a tile (AssemblyScript, 128-bit SIMD).
 *
 * The weight of tap q for pixel p is the softmax over the K x K taps of
 *
 *     z_pq = bias_t + W_t . context_p - bandwidth_p |embedding_p - embedding_q|^2
 *
 * and the result the weighted sum of the planes at q. Logits arrive in base 2: the caller multiplies W and bias by
 * log2(e), `unpackQueries` does so with the bandwidth. Only the logits of twelve pixels exist at any time.
 *
 * A strip is 108 pixels wide; with a border of ten on both sides a plane of one row has 128 floats, so that all planes
 * of a row lie at constant offsets. Layout, all float32:
 *
 *     weights  [ceil(K*K/3)][C+1][3]   three taps side by side, row 0 the bias; taps beyond K*K are computed, not used
 *     queries  [rows][C+2][108]        context channels, then minus the bandwidth, then the gate
 *     keys     [rows+K-1][E+planes][128]  E = 4 or 8 embedding channels (unused ones 0), then the planes to filter, then their
 *              variances
 *     output   [rows][planes][108]     filtered planes and variances
 *     scratch  [3*ceil(K*K/3)][12], then [C][16] of active channels: 12 contexts and the place of their weights
 */
import { albedoGain, exp2, loadLeft, loadRight, negativeSoftplus, sigmoid } from './kernel-math';
import { madd } from './simd-math';

export { setConstants } from './kernel-math';

const VECTOR: usize = 16;
const BLOCK: usize = 3 * VECTOR;
const BLOCKS: i32 = 9;
const QUERY_PLANE: usize = 9 * BLOCK;
const KEY_PLANE: usize = 512;
const EMBEDDING_OF_FOUR: usize = 4 * KEY_PLANE;
const ACTIVE: usize = 64;
/** Bytes from a tap to the next one of its row. */
const PIXEL: usize = 4;

/**
 * A row of embeddings from the features. `cells` is the left cell of the row in the first of its channels, a plane of
 * features has `plane` bytes. Reads 64 cells, whether they belong to the row or not.
 */
export function unpackKeys(cells: usize, plane: usize, channels: i32, keys: usize): void {
  for (let c = 0; c < channels; c++) {
    for (let i: usize = 0; i < KEY_PLANE; i += 2 * VECTOR) {
      v128.store(keys + i, loadLeft(cells + (i >> 1), plane));
      v128.store(keys + i, loadRight(cells + (i >> 1), plane), 16);
    }
    cells += 4 * plane;
    keys += KEY_PLANE;
  }
}

function activated(x: v128, c: i32, channels: i32): v128 {
  if (c < channels) return f32x4.pmax(f32x4.splat(0), x);
  return c === channels ? negativeSoftplus(x) : sigmoid(x);
}

/**
 * The same for 54 cells of a row of queries, with their activations: ReLU of the context, softplus of the bandwidth, sigmoid
 * of the gate.
 */
export function unpackQueries(cells: usize, plane: usize, channels: i32, queries: usize): void {
  for (let c = 0; c < channels + 2; c++) {
    for (let i: usize = 0; i < QUERY_PLANE; i += 2 * VECTOR) {
      // The last four cells overlap those before: a row has 13.5 times eight pixels.
      const at = min(i, QUERY_PLANE - 2 * VECTOR);
      v128.store(queries + at, activated(loadLeft(cells + (at >> 1), plane), c, channels));
      v128.store(queries + at, activated(loadRight(cells + (at >> 1), plane), c, channels), 16);
    }
    cells += 4 * plane;
    queries += QUERY_PLANE;
  }
}

/**
 * Lists the context channels that are not 0 for all of 12 pixels and returns the end of the list. Most channels of a
 * trained network are active in few pixels.
 */
function listActive(query: usize, channels: i32, list: usize): usize {
  for (let c = 0; c < channels; c++) {
    const x0 = v128.load(query, 0);
    const x1 = v128.load(query, 16);
    const x2 = v128.load(query, 32);
    if (v128.any_true(v128.or(v128.or(x0, x1), x2))) {
      v128.store(list, x0, 0);
      v128.store(list, x1, 16);
      v128.store(list, x2, 32);
      store<u32>(list, 12 * (c + 1), 48);
      list += ACTIVE;
    }
    query += QUERY_PLANE;
  }
  return list;
}

/** Positional logits of 12 pixels -> logits [tap][12]. Three taps at once: with four, processors run out of registers. */
function positionalLogits(
  list: usize,
  end: usize,
  channels: i32,
  weights: usize,
  groups: i32,
  logits: usize,
): void {
  let w = weights;
  let o = logits;
  for (let g = 0; g < groups; g++) {
    let a0 = v128.load32_splat(w, 0);
    let a1 = a0;
    let a2 = a0;
    let b0 = v128.load32_splat(w, 4);
    let b1 = b0;
    let b2 = b0;
    let c0 = v128.load32_splat(w, 8);
    let c1 = c0;
    let c2 = c0;
    for (let x = list; x < end; x += ACTIVE) {
      const row = w + load<u32>(x, 48);
      const x0 = v128.load(x, 0);
      const x1 = v128.load(x, 16);
      const x2 = v128.load(x, 32);
      const wa = v128.load32_splat(row, 0);
      a0 = madd(wa, x0, a0);
      a1 = madd(wa, x1, a1);
      a2 = madd(wa, x2, a2);
      const wb = v128.load32_splat(row, 4);
      b0 = madd(wb, x0, b0);
      b1 = madd(wb, x1, b1);
      b2 = madd(wb, x2, b2);
      const wc = v128.load32_splat(row, 8);
      c0 = madd(wc, x0, c0);
      c1 = madd(wc, x1, c1);
      c2 = madd(wc, x2, c2);
    }
    v128.store(o, a0, 0);
    v128.store(o, a1, 16);
    v128.store(o, a2, 32);
    v128.store(o, b0, 48);
    v128.store(o, b1, 64);
    v128.store(o, b2, 80);
    v128.store(o, c0, 96);
    v128.store(o, c1, 112);
    v128.store(o, c2, 128);
    o += 3 * BLOCK;
    w += 12 * (<usize>channels + 1);
  }
}

/**
 * Subtracts the affinity term of four pixels from their logits and returns the largest logit. `key` is the top left tap,
 * `center` the pixel itself among the keys, whose embedding has `embedding` bytes.
 *
 * Seven taps at once are compared channel by channel: what a step of the inner loop loads and sums up fits the 16 registers
 * of processors. All eight channels of one tap do not, for compilers load at its beginning all that a run of code needs.
 */
function subtractAffinity(
  K: i32,
  logits: usize,
  negativeBandwidth: v128,
  center: usize,
  key: usize,
  keyRow: usize,
  embedding: usize,
): v128 {
  if (K % 7 === 0) {
    return subtractBySevens(K, logits, negativeBandwidth, center, key, keyRow, embedding);
  }
  return embedding === EMBEDDING_OF_FOUR
    ? subtractFour(K, logits, negativeBandwidth, center, key, keyRow)
    : subtractEight(K, logits, negativeBandwidth, center, key, keyRow);
}

/** `subtractAffinity` where K is a multiple of 7. */
function subtractBySevens(
  K: i32,
  logits: usize,
  negativeBandwidth: v128,
  center: usize,
  key: usize,
  keyRow: usize,
  embedding: usize,
): v128 {
  let largest = f32x4.splat(-3.0e38);
  let l = logits;
  const bottom = key + <usize>K * keyRow;
  for (let row = key; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let first = row; first < end; first += 7 * PIXEL) {
      let a0 = f32x4.splat(0);
      let a1 = f32x4.splat(0);
      let a2 = f32x4.splat(0);
      let a3 = f32x4.splat(0);
      let a4 = f32x4.splat(0);
      let a5 = f32x4.splat(0);
      let a6 = f32x4.splat(0);
      let e = center;
      const last = first + embedding;
      for (let p = first; p < last; p += KEY_PLANE) {
        const own = v128.load(e);
        const d0 = f32x4.sub(v128.load(p, 0 * PIXEL), own);
        const d1 = f32x4.sub(v128.load(p, 1 * PIXEL), own);
        const d2 = f32x4.sub(v128.load(p, 2 * PIXEL), own);
        const d3 = f32x4.sub(v128.load(p, 3 * PIXEL), own);
        const d4 = f32x4.sub(v128.load(p, 4 * PIXEL), own);
        const d5 = f32x4.sub(v128.load(p, 5 * PIXEL), own);
        const d6 = f32x4.sub(v128.load(p, 6 * PIXEL), own);
        a0 = madd(d0, d0, a0);
        a1 = madd(d1, d1, a1);
        a2 = madd(d2, d2, a2);
        a3 = madd(d3, d3, a3);
        a4 = madd(d4, d4, a4);
        a5 = madd(d5, d5, a5);
        a6 = madd(d6, d6, a6);
        e += KEY_PLANE;
      }
      a0 = madd(negativeBandwidth, a0, v128.load(l, 0 * BLOCK));
      a1 = madd(negativeBandwidth, a1, v128.load(l, 1 * BLOCK));
      a2 = madd(negativeBandwidth, a2, v128.load(l, 2 * BLOCK));
      a3 = madd(negativeBandwidth, a3, v128.load(l, 3 * BLOCK));
      a4 = madd(negativeBandwidth, a4, v128.load(l, 4 * BLOCK));
      a5 = madd(negativeBandwidth, a5, v128.load(l, 5 * BLOCK));
      a6 = madd(negativeBandwidth, a6, v128.load(l, 6 * BLOCK));
      v128.store(l, a0, 0 * BLOCK);
      v128.store(l, a1, 1 * BLOCK);
      v128.store(l, a2, 2 * BLOCK);
      v128.store(l, a3, 3 * BLOCK);
      v128.store(l, a4, 4 * BLOCK);
      v128.store(l, a5, 5 * BLOCK);
      v128.store(l, a6, 6 * BLOCK);
      largest = f32x4.pmax(largest, a0);
      largest = f32x4.pmax(largest, a1);
      largest = f32x4.pmax(largest, a2);
      largest = f32x4.pmax(largest, a3);
      largest = f32x4.pmax(largest, a4);
      largest = f32x4.pmax(largest, a5);
      largest = f32x4.pmax(largest, a6);
      l += 7 * BLOCK;
    }
  }
  return largest;
}

/** `subtractAffinity` for any K and four channels. */
function subtractFour(
  K: i32,
  logits: usize,
  negativeBandwidth: v128,
  center: usize,
  key: usize,
  keyRow: usize,
): v128 {
  const e0 = v128.load(center, 0 * KEY_PLANE);
  const e1 = v128.load(center, 1 * KEY_PLANE);
  const e2 = v128.load(center, 2 * KEY_PLANE);
  const e3 = v128.load(center, 3 * KEY_PLANE);
  let largest = f32x4.splat(-3.0e38);
  let l = logits;
  const bottom = key + <usize>K * keyRow;
  for (let row = key; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      let d = f32x4.sub(v128.load(p, 0 * KEY_PLANE), e0);
      let even = f32x4.mul(d, d);
      d = f32x4.sub(v128.load(p, 1 * KEY_PLANE), e1);
      let odd = f32x4.mul(d, d);
      d = f32x4.sub(v128.load(p, 2 * KEY_PLANE), e2);
      even = madd(d, d, even);
      d = f32x4.sub(v128.load(p, 3 * KEY_PLANE), e3);
      odd = madd(d, d, odd);
      const logit = madd(negativeBandwidth, f32x4.add(even, odd), v128.load(l));
      v128.store(l, logit);
      largest = f32x4.pmax(largest, logit);
      l += BLOCK;
    }
  }
  return largest;
}

/** `subtractAffinity` for any K and eight channels. */
function subtractEight(
  K: i32,
  logits: usize,
  negativeBandwidth: v128,
  center: usize,
  key: usize,
  keyRow: usize,
): v128 {
  const e0 = v128.load(center, 0 * KEY_PLANE);
  const e1 = v128.load(center, 1 * KEY_PLANE);
  const e2 = v128.load(center, 2 * KEY_PLANE);
  const e3 = v128.load(center, 3 * KEY_PLANE);
  const e4 = v128.load(center, 4 * KEY_PLANE);
  const e5 = v128.load(center, 5 * KEY_PLANE);
  const e6 = v128.load(center, 6 * KEY_PLANE);
  const e7 = v128.load(center, 7 * KEY_PLANE);
  let largest = f32x4.splat(-3.0e38);
  let l = logits;
  const bottom = key + <usize>K * keyRow;
  for (let row = key; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      let d = f32x4.sub(v128.load(p, 0 * KEY_PLANE), e0);
      let even = f32x4.mul(d, d);
      d = f32x4.sub(v128.load(p, 1 * KEY_PLANE), e1);
      let odd = f32x4.mul(d, d);
      d = f32x4.sub(v128.load(p, 2 * KEY_PLANE), e2);
      even = madd(d, d, even);
      d = f32x4.sub(v128.load(p, 3 * KEY_PLANE), e3);
      odd = madd(d, d, odd);
      d = f32x4.sub(v128.load(p, 4 * KEY_PLANE), e4);
      even = madd(d, d, even);
      d = f32x4.sub(v128.load(p, 5 * KEY_PLANE), e5);
      odd = madd(d, d, odd);
      d = f32x4.sub(v128.load(p, 6 * KEY_PLANE), e6);
      even = madd(d, d, even);
      d = f32x4.sub(v128.load(p, 7 * KEY_PLANE), e7);
      odd = madd(d, d, odd);
      const logit = madd(negativeBandwidth, f32x4.add(even, odd), v128.load(l));
      v128.store(l, logit);
      largest = f32x4.pmax(largest, logit);
      l += BLOCK;
    }
  }
  return largest;
}

/** Replaces the logits of four pixels by the exponentials of their distance to the largest, and returns one over their sum. */
function exponentiate(K: i32, logits: usize, largest: v128): v128 {
  let sum = f32x4.splat(0);
  let l = logits;
  // Two taps at a time, whose exponentials overlap; K is odd.
  const lastTap = logits + <usize>(K * K - 1) * BLOCK;
  for (; l < lastTap; l += 2 * BLOCK) {
    const left = exp2(f32x4.sub(v128.load(l), largest));
    const right = exp2(f32x4.sub(v128.load(l, BLOCK), largest));
    sum = f32x4.add(f32x4.add(sum, left), right);
    v128.store(l, left);
    v128.store(l, right, BLOCK);
  }
  const last = exp2(f32x4.sub(v128.load(l), largest));
  sum = f32x4.add(sum, last);
  v128.store(l, last);
  return f32x4.div(f32x4.splat(1), sum);
}

/** Exponentials of four pixels, one over whose sum is `scale`, applied to six planes. */
function applyToSix(K: i32, weights: usize, samples: usize, keyRow: usize, scale: v128, output: usize): void {
  let a = f32x4.splat(0);
  let b = a;
  let c = a;
  let d = a;
  let e = a;
  let f = a;
  const bottom = samples + <usize>K * keyRow;
  for (let row = samples; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      const weight = v128.load(weights);
      a = madd(weight, v128.load(p, 0 * KEY_PLANE), a);
      b = madd(weight, v128.load(p, 1 * KEY_PLANE), b);
      c = madd(weight, v128.load(p, 2 * KEY_PLANE), c);
      d = madd(weight, v128.load(p, 3 * KEY_PLANE), d);
      e = madd(weight, v128.load(p, 4 * KEY_PLANE), e);
      f = madd(weight, v128.load(p, 5 * KEY_PLANE), f);
      weights += BLOCK;
    }
  }
  v128.store(output, f32x4.mul(a, scale), 0 * QUERY_PLANE);
  v128.store(output, f32x4.mul(b, scale), 1 * QUERY_PLANE);
  v128.store(output, f32x4.mul(c, scale), 2 * QUERY_PLANE);
  v128.store(output, f32x4.mul(d, scale), 3 * QUERY_PLANE);
  v128.store(output, f32x4.mul(e, scale), 4 * QUERY_PLANE);
  v128.store(output, f32x4.mul(f, scale), 5 * QUERY_PLANE);
}

/**
 * Exponentials of twelve pixels applied to three planes. A sum waits for its last product, so that processors are only
 * busy with many sums at once: nine fit their registers.
 */
function applyToThree(
  K: i32,
  weights: usize,
  samples: usize,
  keyRow: usize,
  scale0: v128,
  scale1: v128,
  scale2: v128,
  output: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  let b0 = a0;
  let b1 = a0;
  let b2 = a0;
  let c0 = a0;
  let c1 = a0;
  let c2 = a0;
  const bottom = samples + <usize>K * keyRow;
  for (let row = samples; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      const w0 = v128.load(weights, 0);
      const w1 = v128.load(weights, 16);
      const w2 = v128.load(weights, 32);
      a0 = madd(w0, v128.load(p, 0 * KEY_PLANE), a0);
      a1 = madd(w1, v128.load(p, 0 * KEY_PLANE + 16), a1);
      a2 = madd(w2, v128.load(p, 0 * KEY_PLANE + 32), a2);
      b0 = madd(w0, v128.load(p, 1 * KEY_PLANE), b0);
      b1 = madd(w1, v128.load(p, 1 * KEY_PLANE + 16), b1);
      b2 = madd(w2, v128.load(p, 1 * KEY_PLANE + 32), b2);
      c0 = madd(w0, v128.load(p, 2 * KEY_PLANE), c0);
      c1 = madd(w1, v128.load(p, 2 * KEY_PLANE + 16), c1);
      c2 = madd(w2, v128.load(p, 2 * KEY_PLANE + 32), c2);
      weights += BLOCK;
    }
  }
  v128.store(output, f32x4.mul(a0, scale0), 0 * QUERY_PLANE);
  v128.store(output, f32x4.mul(a1, scale1), 0 * QUERY_PLANE + 16);
  v128.store(output, f32x4.mul(a2, scale2), 0 * QUERY_PLANE + 32);
  v128.store(output, f32x4.mul(b0, scale0), 1 * QUERY_PLANE);
  v128.store(output, f32x4.mul(b1, scale1), 1 * QUERY_PLANE + 16);
  v128.store(output, f32x4.mul(b2, scale2), 1 * QUERY_PLANE + 32);
  v128.store(output, f32x4.mul(c0, scale0), 2 * QUERY_PLANE);
  v128.store(output, f32x4.mul(c1, scale1), 2 * QUERY_PLANE + 16);
  v128.store(output, f32x4.mul(c2, scale2), 2 * QUERY_PLANE + 32);
}

/** The same for one plane. */
function applyToOne(
  K: i32,
  weights: usize,
  samples: usize,
  keyRow: usize,
  scale0: v128,
  scale1: v128,
  scale2: v128,
  output: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  const bottom = samples + <usize>K * keyRow;
  for (let row = samples; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      a0 = madd(v128.load(weights, 0), v128.load(p, 0), a0);
      a1 = madd(v128.load(weights, 16), v128.load(p, 16), a1);
      a2 = madd(v128.load(weights, 32), v128.load(p, 32), a2);
      weights += BLOCK;
    }
  }
  v128.store(output, f32x4.mul(a0, scale0), 0);
  v128.store(output, f32x4.mul(a1, scale1), 16);
  v128.store(output, f32x4.mul(a2, scale2), 32);
}

/**
 * The variances of that mean of independent pixels: squares of the exponentials of twelve pixels, which are left as they are,
 * applied to one plane.
 */
function applySquares(
  K: i32,
  weights: usize,
  samples: usize,
  keyRow: usize,
  scale0: v128,
  scale1: v128,
  scale2: v128,
  output: usize,
): void {
  let a0 = f32x4.splat(0);
  let a1 = a0;
  let a2 = a0;
  const bottom = samples + <usize>K * keyRow;
  for (let row = samples; row < bottom; row += keyRow) {
    const end = row + <usize>K * PIXEL;
    for (let p = row; p < end; p += PIXEL) {
      const w0 = v128.load(weights, 0);
      const w1 = v128.load(weights, 16);
      const w2 = v128.load(weights, 32);
      a0 = madd(f32x4.mul(w0, w0), v128.load(p, 0), a0);
      a1 = madd(f32x4.mul(w1, w1), v128.load(p, 16), a1);
      a2 = madd(f32x4.mul(w2, w2), v128.load(p, 32), a2);
      weights += BLOCK;
    }
  }
  v128.store(output, f32x4.mul(a0, f32x4.mul(scale0, scale0)), 0);
  v128.store(output, f32x4.mul(a1, f32x4.mul(scale1, scale1)), 16);
  v128.store(output, f32x4.mul(a2, f32x4.mul(scale2, scale2)), 32);
}

/** All planes and variances of twelve pixels. */
function applyWeights(
  K: i32,
  weights: usize,
  samples: usize,
  keyRow: usize,
  scale0: v128,
  scale1: v128,
  scale2: v128,
  output: usize,
  planes: i32,
  variances: i32,
): void {
  let plane = 0;
  for (; plane + 6 <= planes; plane += 6) {
    applyToSix(K, weights, samples, keyRow, scale0, output);
    applyToSix(K, weights + 16, samples + 16, keyRow, scale1, output + 16);
    applyToSix(K, weights + 32, samples + 32, keyRow, scale2, output + 32);
    samples += 6 * KEY_PLANE;
    output += 6 * QUERY_PLANE;
  }
  for (; plane + 3 <= planes; plane += 3) {
    applyToThree(K, weights, samples, keyRow, scale0, scale1, scale2, output);
    samples += 3 * KEY_PLANE;
    output += 3 * QUERY_PLANE;
  }
  for (; plane < planes; plane++) {
    applyToOne(K, weights, samples, keyRow, scale0, scale1, scale2, output);
    samples += KEY_PLANE;
    output += QUERY_PLANE;
  }
  for (let variance = 0; variance < variances; variance++) {
    applySquares(K, weights, samples, keyRow, scale0, scale1, scale2, output);
    samples += KEY_PLANE;
    output += QUERY_PLANE;
  }
}

/** Weights of four pixels, see `exponentiate`, in place of their positional logits. */
function weigh(
  K: i32,
  logits: usize,
  negativeBandwidth: v128,
  center: usize,
  key: usize,
  keyRow: usize,
  embedding: usize,
): v128 {
  const largest = subtractAffinity(K, logits, negativeBandwidth, center, key, keyRow, embedding);
  return exponentiate(K, logits, largest);
}

/**
 * Equations 3 and 4 of Vogels et al. 2018: the softmax of the logits of each pixel (4), and the sum of the planes weighted
 * with it (3), for `rows` rows of a strip; see the layout at the top. K is odd, 1 to 21; `columns` of the 108 are computed.
 */
export function filterStrip(
  rows: i32,
  columns: i32,
  K: i32,
  channels: i32,
  embeddings: i32,
  planes: i32,
  variances: i32,
  weights: usize,
  queries: usize,
  keys: usize,
  output: usize,
  scratch: usize,
): void {
  const groups = (K * K + 2) / 3;
  const embedding = <usize>embeddings * KEY_PLANE;
  const keyRow = embedding + <usize>(planes + variances) * KEY_PLANE;
  const toCenter = <usize>(K >> 1) * (keyRow + PIXEL);
  const list = scratch + 3 * BLOCK * <usize>groups;
  const blocks = min((columns + 11) / 12, BLOCKS);
  for (let y = 0; y < rows; y++) {
    for (let block: usize = 0; block < <usize>blocks; block++) {
      const query = queries + block * BLOCK;
      const end = listActive(query, channels, list);
      positionalLogits(list, end, channels, weights, groups, scratch);
      const bandwidths = query + <usize>channels * QUERY_PLANE;
      const key = keys + block * BLOCK;
      const center = key + toCenter;
      const scale0 = weigh(K, scratch + 0, v128.load(bandwidths, 0), center + 0, key + 0, keyRow, embedding);
      const scale1 = weigh(
        K,
        scratch + 16,
        v128.load(bandwidths, 16),
        center + 16,
        key + 16,
        keyRow,
        embedding,
      );
      const scale2 = weigh(
        K,
        scratch + 32,
        v128.load(bandwidths, 32),
        center + 32,
        key + 32,
        keyRow,
        embedding,
      );
      const filtered = output + block * BLOCK;
      applyWeights(K, scratch, key + embedding, keyRow, scale0, scale1, scale2, filtered, planes, variances);
    }
    queries += <usize>(channels + 2) * QUERY_PLANE;
    keys += keyRow;
    output += <usize>(planes + variances) * QUERY_PLANE;
  }
}

/**
 * Gives the texture that kernels have averaged away back to the three planes from `first` on: times
 * `albedoGain`. The filtered albedo is in planes 3 to 5. `gates` is the gate of the first pixel, `gateRow` bytes before that of the next row; `centers` is the key of
 * the strip's first pixel, `keyRow` bytes before that of the next row.
 */
export function remodulate(
  rows: i32,
  columns: i32,
  embeddings: i32,
  planes: i32,
  first: i32,
  gates: usize,
  gateRow: usize,
  centers: usize,
  output: usize,
): void {
  const embedding = <usize>embeddings * KEY_PLANE;
  const keyRow = embedding + <usize>planes * KEY_PLANE;
  const bytes = min(<usize>columns * PIXEL, QUERY_PLANE);
  for (let y = 0; y < rows; y++) {
    for (let x: usize = 0; x < bytes; x += VECTOR) {
      const gate = v128.load(gates + x);
      for (let c = 0; c < 3; c++) {
        const filtered = v128.load(output + x + <usize>(3 + c) * QUERY_PLANE);
        const albedo = v128.load(centers + x + embedding + <usize>(3 + c) * KEY_PLANE);
        const factor = albedoGain(albedo, filtered, gate);
        const at = output + x + <usize>(first + c) * QUERY_PLANE;
        v128.store(at, f32x4.mul(v128.load(at), factor));
      }
    }
    gates += gateRow;
    centers += keyRow;
    output += <usize>planes * QUERY_PLANE;
  }
}
