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
 *     features [4*(C+1+E)][h/2][w/2]   what the network predicts: channel 4c+2v+u is pixel (2y+v, 2x+u) of plane c
 *     weights  [ceil(K*K/3)][C+1][3]   three taps side by side, row 0 the bias; taps beyond K*K are computed, not used
 *     queries  [rows][C+1][108]        context channels, then minus the bandwidth
 *     keys     [rows+K-1][8+planes][128]  embedding channels (unused ones 0), then the planes to filter, at least 3
 *     output   [rows][planes][108]
 *     scratch  [3*ceil(K*K/3)][12], then [C][16] of active channels: 12 contexts and the place of their weights
 */
const VECTOR: usize = 16;
const BLOCK: usize = 3 * VECTOR;
const BLOCKS: i32 = 9;
const QUERY_PLANE: usize = 9 * BLOCK;
const KEY_PLANE: usize = 512;
const EMBEDDING: usize = 8 * KEY_PLANE;
const ACTIVE: usize = 64;

function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** 2^t for -126 <= t <= 127 with a relative error of 4e-6, exactly 0 for t <= -127 and for NaN. */
function exp2(x: v128): v128 {
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
function negativeSoftplus(x: v128): v128 {
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

/** Eight neighbouring pixels of a row from two times four cells. */
function loadLeft(cells: usize, plane: usize): v128 {
  return v128.shuffle<f32>(v128.load(cells), v128.load(cells + plane), 0, 4, 1, 5);
}

function loadRight(cells: usize, plane: usize): v128 {
  return v128.shuffle<f32>(v128.load(cells), v128.load(cells + plane), 2, 6, 3, 7);
}

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

/** The same for 54 cells of a row of queries, with their activations: ReLU of the context, softplus of the bandwidth. */
export function unpackQueries(cells: usize, plane: usize, channels: i32, queries: usize): void {
  const zero = f32x4.splat(0);
  for (let c = 0; c <= channels; c++) {
    for (let i: usize = 0; i < QUERY_PLANE; i += 2 * VECTOR) {
      // The last four cells overlap those before: a row has 13.5 times eight pixels.
      const at = min(i, QUERY_PLANE - 2 * VECTOR);
      const left = loadLeft(cells + (at >> 1), plane);
      const right = loadRight(cells + (at >> 1), plane);
      v128.store(queries + at, c < channels ? f32x4.pmax(zero, left) : negativeSoftplus(left));
      v128.store(queries + at, c < channels ? f32x4.pmax(zero, right) : negativeSoftplus(right), 16);
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
 * `center` the pixel itself among the keys. A pass of its own: fused with the exponential the chain of dependent
 * operations of a tap is too long for processors to overlap taps.
 */
function subtractAffinity(
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
    const end = row + ((<usize>K) << 2);
    for (let p = row; p < end; p += 4) {
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

/** Softmax and application for four pixels. Weights replace the logits where there are further planes to filter. */
function applySoftmax(
  K: i32,
  logits: usize,
  largest: v128,
  samples: usize,
  keyRow: usize,
  output: usize,
  planes: i32,
): void {
  let sum = f32x4.splat(0);
  let red = sum;
  let green = sum;
  let blue = sum;
  let l = logits;
  const bottom = samples + <usize>K * keyRow;
  for (let row = samples; row < bottom; row += keyRow) {
    const end = row + ((<usize>K) << 2);
    let p = row;
    // Two taps at a time, whose exponentials overlap; K is odd.
    for (; p < end - 4; p += 8) {
      const left = exp2(f32x4.sub(v128.load(l), largest));
      const right = exp2(f32x4.sub(v128.load(l, BLOCK), largest));
      sum = f32x4.add(f32x4.add(sum, left), right);
      red = madd(left, v128.load(p, 0 * KEY_PLANE), red);
      green = madd(left, v128.load(p, 1 * KEY_PLANE), green);
      blue = madd(left, v128.load(p, 2 * KEY_PLANE), blue);
      red = madd(right, v128.load(p, 0 * KEY_PLANE + 4), red);
      green = madd(right, v128.load(p, 1 * KEY_PLANE + 4), green);
      blue = madd(right, v128.load(p, 2 * KEY_PLANE + 4), blue);
      if (planes > 3) {
        v128.store(l, left);
        v128.store(l, right, BLOCK);
      }
      l += 2 * BLOCK;
    }
    const weight = exp2(f32x4.sub(v128.load(l), largest));
    sum = f32x4.add(sum, weight);
    red = madd(weight, v128.load(p, 0 * KEY_PLANE), red);
    green = madd(weight, v128.load(p, 1 * KEY_PLANE), green);
    blue = madd(weight, v128.load(p, 2 * KEY_PLANE), blue);
    if (planes > 3) v128.store(l, weight);
    l += BLOCK;
  }
  const scale = f32x4.div(f32x4.splat(1), sum);
  v128.store(output, f32x4.mul(red, scale), 0 * QUERY_PLANE);
  v128.store(output, f32x4.mul(green, scale), 1 * QUERY_PLANE);
  v128.store(output, f32x4.mul(blue, scale), 2 * QUERY_PLANE);
  for (let plane = 3; plane < planes; plane++) {
    applyToPlane(
      K,
      logits,
      samples + <usize>plane * KEY_PLANE,
      keyRow,
      scale,
      output + <usize>plane * QUERY_PLANE,
    );
  }
}

/** The weights that `applyToVector` left behind, on one further plane. */
function applyToPlane(
  K: i32,
  weights: usize,
  samples: usize,
  keyRow: usize,
  scale: v128,
  output: usize,
): void {
  let total = f32x4.splat(0);
  for (let dy = 0; dy < K; dy++) {
    let p = samples;
    for (let dx = 0; dx < K; dx++) {
      total = madd(v128.load(weights), v128.load(p), total);
      weights += BLOCK;
      p += 4;
    }
    samples += keyRow;
  }
  v128.store(output, f32x4.mul(total, scale));
}

/** Filters `rows` rows of a strip; see the layout at the top. K is odd, 1 to 21; `columns` of the 108 are computed. */
export function filterStrip(
  rows: i32,
  columns: i32,
  K: i32,
  channels: i32,
  planes: i32,
  weights: usize,
  queries: usize,
  keys: usize,
  output: usize,
  scratch: usize,
): void {
  const groups = (K * K + 2) / 3;
  const keyRow = EMBEDDING + <usize>planes * KEY_PLANE;
  const toCenter = <usize>(K >> 1) * (keyRow + 4);
  const list = scratch + 3 * BLOCK * <usize>groups;
  const blocks = min((columns + 11) / 12, BLOCKS);
  for (let y = 0; y < rows; y++) {
    for (let block: usize = 0; block < <usize>blocks; block++) {
      const query = queries + block * BLOCK;
      const end = listActive(query, channels, list);
      positionalLogits(list, end, channels, weights, groups, scratch);
      for (let v: usize = 0; v < BLOCK; v += VECTOR) {
        const key = keys + block * BLOCK + v;
        const negativeBandwidth = v128.load(query + v + <usize>channels * QUERY_PLANE);
        const largest = subtractAffinity(K, scratch + v, negativeBandwidth, key + toCenter, key, keyRow);
        applySoftmax(K, scratch + v, largest, key + EMBEDDING, keyRow, output + block * BLOCK + v, planes);
      }
    }
    queries += <usize>(channels + 1) * QUERY_PLANE;
    keys += keyRow;
    output += <usize>planes * QUERY_PLANE;
  }
}
