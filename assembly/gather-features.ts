/**
 * Guides of cells of 2 x 2 pixels, and how those of another frame, fetched bilinearly along motion, differ from them, row by
 * row (AssemblyScript, 128-bit SIMD). All rows are of `columns` cells rounded up to four; arrays have space for them.
 */
import { getGuideScale } from './kernel-math';
import { log1p, madd } from './simd-math';

export { setConstants } from './kernel-math';

/** Four cells from the sums of two rows of pixels, left and right. */
function cellsOf(left: v128, right: v128): v128 {
  const even = v128.shuffle<f32>(left, right, 0, 2, 4, 6);
  const odd = v128.shuffle<f32>(left, right, 1, 3, 5, 7);
  return f32x4.mul(f32x4.splat(getGuideScale() / 4), f32x4.add(even, odd));
}

/** A row of cells from two rows of pixels: the guide scale times their mean. */
export function poolRow(columns: i32, upper: usize, lower: usize, cells: usize): void {
  for (let i = 0; i < columns; i += 4) {
    const left = f32x4.add(v128.load(upper), v128.load(lower));
    const right = f32x4.add(v128.load(upper, 16), v128.load(lower, 16));
    v128.store(cells, cellsOf(left, right));
    upper += 32;
    lower += 32;
    cells += 16;
  }
}

function exposedLog(pixels: usize, exposure: v128): v128 {
  return log1p(f32x4.mul(exposure, v128.load(pixels)));
}

/** A row of cells from two rows of light: the guide scale times the mean of log(1 + exposure * light). */
export function poolLightRow(columns: i32, upper: usize, lower: usize, exposure: f32, cells: usize): void {
  const e = f32x4.splat(exposure);
  for (let i = 0; i < columns; i += 4) {
    const left = f32x4.add(exposedLog(upper, e), exposedLog(lower, e));
    const right = f32x4.add(exposedLog(upper + 16, e), exposedLog(lower + 16, e));
    v128.store(cells, cellsOf(left, right));
    upper += 32;
    lower += 32;
    cells += 16;
  }
}

/**
 * Places of a row of cells in a region of another frame: byte offsets of the upper left of four cells, -1 outside; how far to
 * the right and down from it; the mask, 1 inside. Motion may be NaN.
 *
 * @param left column of the first cell, top its row, in the frame of `width` x `height` cells.
 * @param regionLeft column of the region's first cell, `regionTop` its row, `regionRow` bytes of one of its rows.
 */
export function placeRow(
  columns: i32,
  left: f32,
  top: f32,
  width: f32,
  height: f32,
  motionX: usize,
  motionY: usize,
  regionLeft: i32,
  regionTop: i32,
  regionRow: i32,
  offsets: usize,
  right: usize,
  down: usize,
  mask: usize,
): void {
  for (let i = 0; i < columns; i++) {
    const at = (<usize>i) << 2;
    const x = left + <f32>i + load<f32>(motionX + at);
    const y = top + load<f32>(motionY + at);
    const inside = x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1;
    store<f32>(mask + at, inside ? 1 : 0);
    if (inside) {
      // The last cell is reached from the one before it.
      const cellX = min<f32>(floor<f32>(x), max<f32>(width - 2, 0));
      const cellY = min<f32>(floor<f32>(y), max<f32>(height - 2, 0));
      store<i32>(offsets + at, (<i32>cellY - regionTop) * regionRow + 4 * (<i32>cellX - regionLeft));
      store<f32>(right + at, x - cellX);
      store<f32>(down + at, y - cellY);
    } else {
      store<i32>(offsets + at, -1);
      store<f32>(right + at, 0);
      store<f32>(down + at, 0);
    }
  }
  for (let i = columns; (i & 3) !== 0; i++) store<i32>(offsets + ((<usize>i) << 2), -1);
}

/** Four values of a plane, which lie side by side or apart; any value for offsets below 0. */
function fetch(plane: usize, offsets: v128, together: bool): v128 {
  if (together) return v128.load(plane + i32x4.extract_lane(offsets, 0));
  let values = v128.load32_zero(plane + i32x4.extract_lane(offsets, 0));
  values = v128.load_lane<f32>(plane + i32x4.extract_lane(offsets, 1), values, 1);
  values = v128.load_lane<f32>(plane + i32x4.extract_lane(offsets, 2), values, 2);
  return v128.load_lane<f32>(plane + i32x4.extract_lane(offsets, 3), values, 3);
}

/**
 * One row of all channels: how far `region` [channels], of `regionPlane` bytes each, is from `center` of as many, written
 * to `differences` of `plane` bytes each like those of the center; 0 outside. `stepX` and `stepY` are the bytes to the next
 * column and row, 0 where there is none.
 */
export function differRow(
  columns: i32,
  channels: i32,
  region: usize,
  regionPlane: usize,
  stepX: usize,
  stepY: usize,
  offsets: usize,
  right: usize,
  down: usize,
  center: usize,
  differences: usize,
  plane: usize,
): void {
  for (let i = 0; i < columns; i += 4) {
    const at = (<usize>i) << 2;
    const places = v128.load(offsets + at);
    const inside = i32x4.ge_s(places, i32x4.splat(0));
    const somewhere = v128.and(places, inside);
    const steps = i32x4.sub(somewhere, i32x4.splat(i32x4.extract_lane(somewhere, 0)));
    const together = i32x4.all_true(i32x4.eq(steps, i32x4(0, 4, 8, 12)));
    const fx = v128.load(right + at);
    const fy = v128.load(down + at);
    const count = min(columns - i, 4);
    let from = region;
    let own = center + at;
    let to = differences + at;
    for (let c = 0; c < channels; c++) {
      const a = fetch(from, somewhere, together);
      const b = fetch(from + stepY, somewhere, together);
      const upper = madd(fx, f32x4.sub(fetch(from + stepX, somewhere, together), a), a);
      const lower = madd(fx, f32x4.sub(fetch(from + stepX + stepY, somewhere, together), b), b);
      const fetched = madd(fy, f32x4.sub(lower, upper), upper);
      const value = v128.and(inside, f32x4.abs(f32x4.sub(fetched, v128.load(own))));
      if (count === 4) {
        v128.store(to, value);
      } else {
        store<f32>(to, f32x4.extract_lane(value, 0));
        if (count > 1) store<f32>(to, f32x4.extract_lane(value, 1), 4);
        if (count > 2) store<f32>(to, f32x4.extract_lane(value, 2), 8);
      }
      from += regionPlane;
      own += plane;
      to += plane;
    }
  }
}
