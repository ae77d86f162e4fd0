import type { Tensor } from '../engine/engine.js';
import type { Tile } from '../image/region.js';
import { copyColumns } from './copy-columns.js';
import type { KernelLogits } from './kernel-logits.js';

/** Columns of a row of keys in the memory of a strip, as in `assembly/kernel-apply.ts`. */
export const KEY_WIDTH = 128;

/** Columns of keys before those of a strip: the radius of the kernel, rounded up to a whole cell. */
export function margin({ kernelSize }: KernelLogits): number {
  const radius = kernelSize >> 1;
  return radius + (radius % 2);
}

/** Byte offsets of the cells of a tensor over an area: those of a pixel, and of the half of the channels of its row. */
export function cellsOf({ area, tensor }: { readonly area: Tile; readonly tensor: Tensor }): {
  readonly plane: number;
  readonly offset: (channel: number, x: number, y: number) => number;
} {
  const { byteOffset } = tensor.data;
  const [, , rows, columns] = tensor.shape;
  const plane = rows * columns;
  return {
    plane: 4 * plane,
    offset: (channel, x, y) => {
      const cell = ((y - area.y) >> 1) * columns + (x - area.x) / 2;
      return byteOffset + 4 * ((channel + 2 * (y % 2)) * plane + cell);
    },
  };
}

/** Copies columns of a row of all planes, which lie KEY_WIDTH apart from `to` on; beyond the picture its border repeats. */
export function copyRows(
  planes: readonly Float32Array[],
  width: number,
  row: number,
  keys: Float32Array,
  to: number,
  begin: number,
  columns: number,
): void {
  for (const plane of planes) {
    copyColumns(plane, row * width, width, keys, to, begin, columns);
    to += KEY_WIDTH;
  }
}
