/**
 * Bilinear fetches of features along motion, row by row (AssemblyScript, 128-bit SIMD). All rows are of `columns` cells
 * rounded up to four; arrays have space for them.
 */
import { madd } from './simd-math';

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
 * One row of all channels: `region` [channels] of `regionPlane` bytes each, at `gathered` with `gatheredPlane` bytes each; 0
 * outside. `stepX` and `stepY` are the bytes to the next column and row, 0 where there is none.
 */
export function gatherRow(
  columns: i32,
  channels: i32,
  region: usize,
  regionPlane: usize,
  stepX: usize,
  stepY: usize,
  offsets: usize,
  right: usize,
  down: usize,
  gathered: usize,
  gatheredPlane: usize,
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
    let to = gathered + at;
    for (let c = 0; c < channels; c++) {
      const a = fetch(from, somewhere, together);
      const b = fetch(from + stepY, somewhere, together);
      const upper = madd(fx, f32x4.sub(fetch(from + stepX, somewhere, together), a), a);
      const lower = madd(fx, f32x4.sub(fetch(from + stepX + stepY, somewhere, together), b), b);
      const value = v128.and(inside, madd(fy, f32x4.sub(lower, upper), upper));
      if (count === 4) {
        v128.store(to, value);
      } else {
        store<f32>(to, f32x4.extract_lane(value, 0));
        if (count > 1) store<f32>(to, f32x4.extract_lane(value, 1), 4);
        if (count > 2) store<f32>(to, f32x4.extract_lane(value, 2), 8);
      }
      from += regionPlane;
      to += gatheredPlane;
    }
  }
}
