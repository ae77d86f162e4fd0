/**
 * What the auxiliary prefilter does beside its network and its kernels, on planes of float32 (AssemblyScript, SIMD).
 *
 * Sizes are even; a row of columns is done four at a time, the last four of which may overlap those before.
 */
import { log1p, madd } from './simd-math';

const VECTOR: usize = 16;
const PIXEL: usize = 4;

/** log(1 + 1000 v) / 4 of `bytes` of variances, a multiple of 16. */
export function seenVariance(from: usize, to: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += VECTOR) {
    const seen = log1p(f32x4.mul(f32x4.splat(1000), v128.load(from + i)));
    v128.store(to + i, f32x4.mul(f32x4.splat(0.25), seen));
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
 * The share of the filtered planes, [0, 1]: the largest sum of both variances in the 7 x 7 pixels about, over 1e-6. What lies
 * beyond the border counts as the border. `columns` has `width` + 8 floats.
 */
export function noiseShare(
  albedoVariance: usize,
  normalVariance: usize,
  width: i32,
  height: i32,
  columns: usize,
  share: usize,
): void {
  for (let y = 0; y < height; y++) {
    const first = max(y - 3, 0);
    const last = min(y + 3, height - 1);
    for (let x = 0; x < width; x++) {
      let most: f32 = 0;
      let at = <usize>(first * width + x) * PIXEL;
      for (let row = first; row <= last; row++) {
        most = max<f32>(most, load<f32>(albedoVariance + at) + load<f32>(normalVariance + at));
        at += <usize>width * PIXEL;
      }
      store<f32>(columns + <usize>x * PIXEL, most);
    }
    for (let x = 0; x < width; x++) {
      let most: f32 = 0;
      const end = min(x + 3, width - 1);
      for (let column = max(x - 3, 0); column <= end; column++) {
        most = max<f32>(most, load<f32>(columns + <usize>column * PIXEL));
      }
      store<f32>(share, min<f32>(1, most * 1.0e6));
      share += PIXEL;
    }
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
 * Equation 5 in place: fine + w U(coarse - D(fine)), for `columns` x `rows` pixels of the coarser level. Rows of the planes
 * have `fineRow` and `coarseRow` bytes.
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
  for (let y = 0; y < rows; y++) {
    for (let x: usize = 0; x < <usize>columns; x++) {
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
  for (let y = 0; y < 2 * rows; y++) {
    for (let x: usize = 0; x < 2 * <usize>columns; x++) {
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

/** noisy + share (filtered - noisy), in place of what is filtered; noisy as it is where the share is 0. */
export function blendShare(noisy: usize, share: usize, filtered: usize, bytes: usize): void {
  for (let i: usize = 0; i < bytes; i += PIXEL) {
    const s = load<f32>(share + i);
    const n = load<f32>(noisy + i);
    store<f32>(filtered + i, s > 0 ? n + s * (load<f32>(filtered + i) - n) : n);
  }
}
