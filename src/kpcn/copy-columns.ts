/**
 * Copies `columns` columns of a row of a plane, from column `begin` on; beyond the picture its border repeats.
 * @param rowStart where the row begins in `from`; it has `width` values.
 * @param at where the first column goes in `to`.
 */
export function copyColumns(
  from: Float32Array,
  rowStart: number,
  width: number,
  to: Float32Array,
  at: number,
  begin: number,
  columns: number,
): void {
  const first = Math.max(begin, 0);
  const end = Math.min(begin + columns, width);
  to.set(from.subarray(rowStart + first, rowStart + end), at + first - begin);
  repeatBorder(to, at, begin, width, columns);
}

/** Makes the columns of a row that lie beyond the picture repeat its border; the row begins at column `begin`. */
export function repeatBorder(
  row: Float32Array,
  at: number,
  begin: number,
  width: number,
  columns: number,
): void {
  if (begin < 0) row.fill(row[at - begin] as number, at, at - begin);
  if (begin + columns > width) {
    const end = at + width - begin;
    row.fill(row[end - 1] as number, end, at + columns);
  }
}
