import type { Raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';

/** What the preview is made of; all rasters of one size. Missing buffers count as 0. */
export interface PreviewBuffers {
  /** Noisy colour, 3 channels, then the channels of further layers that are filtered with its weights. */
  readonly light: Raster;
  readonly colorVariance: Raster;
  /** In [0, 1]. */
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
}

/**
 * Copies a region of the channels of a raster, or zeros where there is none, into planes of `rows` rows of `stride` values,
 * with `border` pixels around it. Beyond the region its border pixels repeat.
 */
export function copyRegion(
  from: Raster | undefined,
  channels: number,
  region: Tile,
  to: Float32Array,
  { stride, rows, border }: { readonly stride: number; readonly rows: number; readonly border: number },
): void {
  if (from === undefined) {
    to.fill(0, 0, channels * rows * stride);
    return;
  }
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const row = Math.min(Math.max(y - border, 0), region.height - 1);
      const begin = (c * from.height + region.y + row) * from.width + region.x;
      const at = (c * rows + y) * stride;
      to.fill(from.data[begin] as number, at, at + border);
      to.set(from.data.subarray(begin, begin + region.width), at + border);
      to.fill(from.data[begin + region.width - 1] as number, at + border + region.width, at + stride);
    }
  }
}
