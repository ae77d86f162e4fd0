import type { Raster } from './raster.js';

/** The smallest multiple of 2^levels that holds `size` pixels, so that every level and its half have whole pixels. */
export function paddedSize(size: number, levels: number): number {
  const multiple = 2 ** levels;
  return Math.ceil(size / multiple) * multiple;
}

/**
 * Copies a picture into the channels of a larger one from `firstChannel` on; what lies beyond the right and the bottom
 * border repeats the border pixel.
 */
export function copyPadded(source: Raster, target: Raster, firstChannel = 0): void {
  for (let c = 0; c < source.channels; c++) {
    for (let y = 0; y < target.height; y++) {
      const from = (c * source.height + Math.min(y, source.height - 1)) * source.width;
      const to = ((c + firstChannel) * target.height + y) * target.width;
      target.data.set(source.data.subarray(from, from + source.width), to);
      target.data.fill(source.data[from + source.width - 1] as number, to + source.width, to + target.width);
    }
  }
}

/** The top left corner of the channels from `firstChannel` on, as a picture of its own. */
export function cropPadded(source: Raster, target: Raster, firstChannel = 0): void {
  for (let c = 0; c < target.channels; c++) {
    for (let y = 0; y < target.height; y++) {
      const from = ((c + firstChannel) * source.height + y) * source.width;
      target.data.set(
        source.data.subarray(from, from + target.width),
        (c * target.height + y) * target.width,
      );
    }
  }
}

/**
 * D: rows `begin` to `end` (exclusive) of the next coarser level as 2 x 2 means, times `scale`. The mean of four
 * independent samples has a quarter of the variance: variances have a scale of 1/4.
 */
export function downsample(fine: Raster, coarse: Raster, begin: number, end: number, scale = 1): void {
  // Rasters come in objects of many shapes: looking their fields up for every pixel would take most of the time.
  const { width, height, channels, data } = fine;
  const { data: target, width: columns, height: rows } = coarse;
  const weight = scale / 4;
  for (let c = 0; c < channels; c++) {
    for (let y = begin; y < end; y++) {
      let top = (c * height + 2 * y) * width;
      let to = (c * rows + y) * columns;
      for (let x = 0; x < columns; x++, top += 2, to++) {
        target[to] =
          weight *
          ((data[top] as number) +
            (data[top + 1] as number) +
            (data[top + width] as number) +
            (data[top + width + 1] as number));
      }
    }
  }
}

/** U: every pixel of the coarse level four times. */
export function upsample(coarse: Raster, fine: Raster): void {
  for (let c = 0; c < fine.channels; c++) {
    for (let y = 0; y < fine.height; y++) {
      const from = (c * coarse.height + (y >> 1)) * coarse.width;
      const to = (c * fine.height + y) * fine.width;
      for (let x = 0; x < fine.width; x++) fine.data[to + x] = coarse.data[from + (x >> 1)] as number;
    }
  }
}
