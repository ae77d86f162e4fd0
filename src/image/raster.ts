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

/** Largest finite float32 value. */
export const MAX_FLOAT = 2 ** 128 - 2 ** 104;

/** Limits a value to what float32 can hold. */
export function finite(value: number): number {
  return Math.min(Math.max(value, -MAX_FLOAT), MAX_FLOAT);
}

/** Indices of the up to eight samples around one, in the same channel. */
export function neighborsOf({ width, height }: Raster, at: number): number[] {
  const inChannel = at % (width * height);
  const x = inChannel % width;
  const y = (inChannel - x) / width;
  const found: number[] = [];
  for (let dy = y > 0 ? -1 : 0; dy <= (y < height - 1 ? 1 : 0); dy++) {
    for (let dx = x > 0 ? -1 : 0; dx <= (x < width - 1 ? 1 : 0); dx++) {
      if (dx !== 0 || dy !== 0) found.push(at + dy * width + dx);
    }
  }
  return found;
}

/**
 * Shared memory for the rasters of one picture after the other. Worker threads see it without a copy; the next picture
 * takes the place of the last one, because shared memory that is dropped stays until every thread collects its garbage.
 */
export class SharedRasters {
  #buffer = new SharedArrayBuffer(0);

  /** Rasters of these sizes with values that are left over. Memory far larger than that is not kept. */
  allocate<Name extends string>(
    sizes: readonly {
      readonly name: Name;
      readonly width: number;
      readonly height: number;
      readonly channels: number;
    }[],
  ): Map<Name, Raster> {
    const lengths = sizes.map(({ width, height, channels }) => width * height * channels);
    const bytes = lengths.reduce((sum, length) => sum + length, 0) * Float32Array.BYTES_PER_ELEMENT;
    if (bytes > this.#buffer.byteLength || bytes < this.#buffer.byteLength / 4) {
      this.#buffer = new SharedArrayBuffer(bytes);
    }
    let offset = 0;
    return new Map(
      sizes.map(({ name, ...size }, i) => {
        const data = new Float32Array(this.#buffer, offset, lengths[i]);
        offset += data.byteLength;
        return [name, { ...size, data }];
      }),
    );
  }
}
