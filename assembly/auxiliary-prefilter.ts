/**
 * What the auxiliary prefilter does beside its network and its kernels, on planes of float32 (AssemblyScript, SIMD).
 *
 * Sizes are even; a row of columns is done four at a time, the last four of which may overlap those before.
 */
import { log1p, madd } from './simd-math';

const VECTOR: usize = 16;
const PIXEL: usize = 4;

/** log(1 + v / 1e-6) / 13.8 of `bytes` of variances, a multiple of 16. */
export function seenVariance(from: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const seen = log1p(f32x4.mul(f32x4.splat(1.0e6), v128.load(from + i)));
    v128.store(to + i, f32x4.mul(f32x4.splat(1.0 / 13.8), seen));
  }
}

/**
 * The 3x3 sample variance of three planes, averaged. `padded` has a border of one pixel on every side: rows of `width` + 2
 * columns, each plane `plane` bytes. Sums of differences from the pixel itself, so that constant pixels have none.
 */
export function estimateVariance(padded: usize, plane: usize, width: i32, height: i32, to: usize): void {
  const row = <usize>(width + 2) * PIXEL;
  for (let y = 0; y < height; y++) {
    let x: i32 = 0;
    for (; x + 4 <= width; x += 4)
      varianceOfFour(padded + <usize>x * PIXEL, plane, row, to + <usize>x * PIXEL);
    if (width < 4) {
      for (; x < width; x++) varianceOfOne(padded + <usize>x * PIXEL, plane, row, to + <usize>x * PIXEL);
    } else if (x < width) {
      x = width - 4;
      varianceOfFour(padded + <usize>x * PIXEL, plane, row, to + <usize>x * PIXEL);
    }
    padded += row;
    to += <usize>width * PIXEL;
  }
}

function varianceOfFour(corner: usize, plane: usize, row: usize, to: usize): void {
  let total = f32x4.splat(0);
  for (let c = 0; c < 3; c++) {
    const center = v128.load(corner + row + PIXEL);
    let sum = f32x4.splat(0);
    let square = f32x4.splat(0);
    for (let dy: usize = 0; dy < 3; dy++) {
      for (let dx: usize = 0; dx < 3; dx++) {
        const d = f32x4.sub(v128.load(corner + dy * row + dx * PIXEL), center);
        sum = f32x4.add(sum, d);
        square = madd(d, d, square);
      }
    }
    const central = f32x4.sub(square, f32x4.mul(f32x4.splat(1.0 / 9.0), f32x4.mul(sum, sum)));
    total = f32x4.add(total, f32x4.pmax(f32x4.splat(0), central));
    corner += plane;
  }
  v128.store(to, f32x4.mul(f32x4.splat(1.0 / 24.0), total));
}

function varianceOfOne(corner: usize, plane: usize, row: usize, to: usize): void {
  let total: f32 = 0;
  for (let c = 0; c < 3; c++) {
    const center = load<f32>(corner + row + PIXEL);
    let sum: f32 = 0;
    let square: f32 = 0;
    for (let dy: usize = 0; dy < 3; dy++) {
      for (let dx: usize = 0; dx < 3; dx++) {
        const d = load<f32>(corner + dy * row + dx * PIXEL) - center;
        sum += d;
        square += d * d;
      }
    }
    total += max<f32>(0, square - (sum * sum) / 9);
    corner += plane;
  }
  store<f32>(to, total / 24);
}

/**
 * Means over the 5 x 5 pixels about each pixel that lie within the picture. `sums` has `width` + 8 floats: those of columns,
 * with two of 0 before and after.
 */
export function windowMean(from: usize, width: i32, height: i32, sums: usize, to: usize): void {
  const row = <usize>width * PIXEL;
  store<u64>(sums, 0);
  v128.store(sums + 2 * PIXEL + row, f32x4.splat(0));
  for (let y = 0; y < height; y++) {
    const first = max(y - 2, 0);
    const rows = min(y + 2, height - 1) - first + 1;
    sumColumns(from + <usize>first * row, row, rows, width, sums + 2 * PIXEL);
    const count = 5 * rows;
    const scale = f32x4.splat(<f32>1 / <f32>count);
    if (width >= 4) {
      for (let x: i32 = 0; x < width; x += 4) {
        const i = <usize>min(x, width - 4) * PIXEL;
        const at = sums + i;
        const outer = f32x4.add(v128.load(at), v128.load(at, 16));
        const inner = f32x4.add(v128.load(at, 4), v128.load(at, 12));
        const sum = f32x4.add(f32x4.add(outer, inner), v128.load(at, 8));
        v128.store(to + i, f32x4.mul(scale, sum));
      }
      // Windows at the borders have three or four columns.
      meanOfOne(sums, 0, width, rows, to);
      meanOfOne(sums, 1, width, rows, to);
      meanOfOne(sums, width - 2, width, rows, to);
      meanOfOne(sums, width - 1, width, rows, to);
    } else {
      for (let x: i32 = 0; x < width; x++) meanOfOne(sums, x, width, rows, to);
    }
    to += row;
  }
}

function sumColumns(top: usize, row: usize, rows: i32, width: i32, to: usize): void {
  let x: i32 = 0;
  if (width >= 4) {
    for (; x < width; x += 4) {
      const i = <usize>min(x, width - 4) * PIXEL;
      let at = top + i;
      let sum = v128.load(at);
      for (let y = 1; y < rows; y++) {
        at += row;
        sum = f32x4.add(sum, v128.load(at));
      }
      v128.store(to + i, sum);
    }
  }
  for (; x < width; x++) {
    let at = top + <usize>x * PIXEL;
    let sum = load<f32>(at);
    for (let y = 1; y < rows; y++) {
      at += row;
      sum += load<f32>(at);
    }
    store<f32>(to + <usize>x * PIXEL, sum);
  }
}

function meanOfOne(sums: usize, x: i32, width: i32, rows: i32, to: usize): void {
  const at = sums + <usize>x * PIXEL;
  const outer = load<f32>(at) + load<f32>(at, 16);
  const sum = outer + (load<f32>(at, 4) + load<f32>(at, 12)) + load<f32>(at, 8);
  const columns = min(x + 2, width - 1) - max(x - 2, 0) + 1;
  store<f32>(to + <usize>x * PIXEL, sum / <f32>(rows * columns));
}

/** The square of what has become of three planes, averaged; `stride` bytes lie between planes of `bytes`. */
export function changePower(noisy: usize, filtered: usize, stride: usize, bytes: usize, to: usize): void {
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    let sum = f32x4.splat(0);
    for (let c: usize = 0; c < 3; c++) {
      const at = c * stride + i;
      const change = f32x4.sub(v128.load(filtered + at), v128.load(noisy + at));
      sum = madd(change, change, sum);
    }
    v128.store(to + i, f32x4.mul(f32x4.splat(1.0 / 3.0), sum));
  }
}

/** What noise explains of a change: `allowed` times the variance over the power, at most 1, in place of the power. */
export function explainedShare(variance: usize, allowed: f32, power: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const noise = f32x4.mul(f32x4.splat(allowed), v128.load(variance + i));
    const share = f32x4.div(noise, f32x4.pmax(f32x4.splat(1.0e-12), v128.load(power + i)));
    v128.store(power + i, f32x4.pmin(f32x4.splat(1), share));
  }
}

/** A plane as 2 x 2 means, times `scale`; the result has `columns` and `rows`. */
export function halvePlane(from: usize, columns: i32, rows: i32, scale: f32, to: usize): void {
  const row = <usize>columns * 2 * PIXEL;
  const weight = scale / 4;
  for (let y = 0; y < rows; y++) {
    let x: i32 = 0;
    if (columns >= 4) {
      for (; x < columns; x += 4) {
        const at = <usize>min(x, columns - 4) * PIXEL;
        const top = from + 2 * at;
        const left = f32x4.add(v128.load(top), v128.load(top + row));
        const right = f32x4.add(v128.load(top + VECTOR), v128.load(top + row + VECTOR));
        const sum = f32x4.add(
          v128.shuffle<f32>(left, right, 0, 2, 4, 6),
          v128.shuffle<f32>(left, right, 1, 3, 5, 7),
        );
        v128.store(to + at, f32x4.mul(f32x4.splat(weight), sum));
      }
    } else {
      for (; x < columns; x++) {
        const top = from + <usize>x * 2 * PIXEL;
        const left = load<f32>(top) + load<f32>(top + row);
        store<f32>(
          to + <usize>x * PIXEL,
          weight * (left + (load<f32>(top + PIXEL) + load<f32>(top + row + PIXEL))),
        );
      }
    }
    from += 2 * row;
    to += <usize>columns * PIXEL;
  }
}

/**
 * Equation 5 of Vogels et al. 2018 in place: fine + w U(coarse - D(fine)), for `columns` x `rows` pixels of the coarser level.
 * Rows of the planes have `fineRow` and `coarseRow` bytes.
 */
export function compositePlane(
  fine: usize,
  weights: usize,
  fineRow: usize,
  coarse: usize,
  coarseRow: usize,
  columns: i32,
  rows: i32,
): void {
  const vectors = <usize>(columns & ~3);
  for (let y = 0; y < rows; y++) {
    for (let x: usize = 0; x < vectors; x += 4) {
      const at = fine + 2 * x * PIXEL;
      const w = weights + 2 * x * PIXEL;
      const a = v128.load(at);
      const b = v128.load(at, 16);
      const c = v128.load(at + fineRow);
      const d = v128.load(at + fineRow, 16);
      const left = f32x4.add(a, c);
      const right = f32x4.add(b, d);
      const sum = f32x4.add(
        v128.shuffle<f32>(left, right, 0, 2, 4, 6),
        v128.shuffle<f32>(left, right, 1, 3, 5, 7),
      );
      const change = f32x4.sub(v128.load(coarse + x * PIXEL), f32x4.mul(f32x4.splat(0.25), sum));
      const low = v128.shuffle<f32>(change, change, 0, 0, 1, 1);
      const high = v128.shuffle<f32>(change, change, 2, 2, 3, 3);
      v128.store(at, madd(v128.load(w), low, a));
      v128.store(at, madd(v128.load(w, 16), high, b), 16);
      v128.store(at + fineRow, madd(v128.load(w + fineRow), low, c));
      v128.store(at + fineRow, madd(v128.load(w + fineRow, 16), high, d), 16);
    }
    for (let x = vectors; x < <usize>columns; x++) {
      const at = fine + 2 * x * PIXEL;
      const w = weights + 2 * x * PIXEL;
      const a = load<f32>(at);
      const b = load<f32>(at + PIXEL);
      const c = load<f32>(at + fineRow);
      const d = load<f32>(at + fineRow + PIXEL);
      const change = load<f32>(coarse + x * PIXEL) - (a + c + (b + d)) / 4;
      store<f32>(at, a + load<f32>(w) * change);
      store<f32>(at + PIXEL, b + load<f32>(w + PIXEL) * change);
      store<f32>(at + fineRow, c + load<f32>(w + fineRow) * change);
      store<f32>(at + fineRow + PIXEL, d + load<f32>(w + fineRow + PIXEL) * change);
    }
    fine += 2 * fineRow;
    weights += 2 * fineRow;
    coarse += coarseRow;
  }
}

/** The variances of that, blended: fine + w (U(coarse) - fine). */
export function blendVariance(
  fine: usize,
  weights: usize,
  fineRow: usize,
  coarse: usize,
  coarseRow: usize,
  columns: i32,
  rows: i32,
): void {
  const vectors = <usize>((2 * columns) & ~7);
  for (let y = 0; y < 2 * rows; y++) {
    for (let x: usize = 0; x < vectors; x += 8) {
      const at = fine + x * PIXEL;
      const w = weights + x * PIXEL;
      const above = v128.load(coarse + (x >> 1) * PIXEL);
      const left = v128.load(at);
      const right = v128.load(at, 16);
      const low = f32x4.sub(v128.shuffle<f32>(above, above, 0, 0, 1, 1), left);
      const high = f32x4.sub(v128.shuffle<f32>(above, above, 2, 2, 3, 3), right);
      v128.store(at, madd(v128.load(w), low, left));
      v128.store(at, madd(v128.load(w, 16), high, right), 16);
    }
    for (let x = vectors; x < 2 * <usize>columns; x++) {
      const at = fine + x * PIXEL;
      const left = load<f32>(at);
      const change = load<f32>(coarse + (x >> 1) * PIXEL) - left;
      store<f32>(at, left + load<f32>(weights + x * PIXEL) * change);
    }
    fine += fineRow;
    weights += fineRow;
    if (y & 1) coarse += coarseRow;
  }
}

/**
 * noisy + share (filtered - noisy), in place of what is filtered; noisy as it is where there is no variance about, and what is
 * filtered may have any value.
 */
export function blendShare(noisy: usize, variance: usize, share: usize, filtered: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const n = v128.load(noisy + i);
    const blended = madd(v128.load(share + i), f32x4.sub(v128.load(filtered + i), n), n);
    const isNoisy = f32x4.gt(v128.load(variance + i), f32x4.splat(0));
    v128.store(filtered + i, v128.bitselect(blended, n, isNoisy));
  }
}
