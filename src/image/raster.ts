import { expected, QuietframeError } from '../errors.js';

/**
 * A planar float32 picture: `data[(c * height + y) * width + x]`, row 0 at the top (NCHW without the N).
 * Colour is scene-linear and unclamped.
 */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly data: Float32Array;
}

/**
 * A raster of zeros, or one around existing data.
 * @throws QuietframeError `invalid-argument` when the data does not have width * height * channels values.
 */
export function raster(width: number, height: number, channels: number, data?: Float32Array): Raster {
  const length = width * height * channels;
  if (data !== undefined && data.length !== length) {
    throw new QuietframeError('invalid-argument', expected(`${length} values`, 'raster data', data.length));
  }
  return { width, height, channels, data: data ?? new Float32Array(length) };
}

/** Channel `c` of a raster, as a view. */
export function plane(image: Raster, c: number): Float32Array {
  const size = image.width * image.height;
  return image.data.subarray(c * size, (c + 1) * size);
}

/** A raster of zeros in shared memory, which worker threads see without a copy. */
export function sharedRaster(width: number, height: number, channels: number): Raster {
  const bytes = width * height * channels * Float32Array.BYTES_PER_ELEMENT;
  return { width, height, channels, data: new Float32Array(new SharedArrayBuffer(bytes)) };
}
