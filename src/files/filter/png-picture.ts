import { PNG } from 'pngjs';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import { plane, type Raster, raster } from '../../image/raster.js';

/** A photograph: values as they are coded, in [0, 1]. */
export interface PngPicture {
  /** 3 channels. */
  readonly color: Raster;
  /** 1 channel, where any pixel is not opaque. */
  readonly alpha?: Raster;
  readonly bits: 8 | 16;
}

/** The size and the form of a PNG as its first 29 bytes have them. */
export interface PngHeader {
  readonly width: number;
  readonly height: number;
  readonly bits: 8 | 16;
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
const HEADER_BYTES = 29;
/** Most pixels; more would not fit a raster of three channels. */
const MAX_PIXELS = 2 ** 27;

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((value, i) => bytes[i] === value);
}

/**
 * Reads the header of a PNG, before any pixel.
 * @throws QuietframeError `invalid-argument` for a file that is none, or is interlaced; `too-large`.
 */
export function pngHeader(bytes: Uint8Array): PngHeader {
  if (!isPng(bytes) || bytes.length < HEADER_BYTES)
    throw invalidArgument('a PNG', 'the picture', 'another file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width < 1 || height < 1)
    throw invalidArgument('at least 1 x 1 pixel', 'the PNG', `${width} x ${height}`);
  if (width * height > MAX_PIXELS) {
    const message = expected(`at most ${MAX_PIXELS} pixels`, 'the PNG', `${width} x ${height}`);
    throw new QuietframeError('too-large', message);
  }
  // The decoder does not bound what an interlaced file inflates to.
  if (view.getUint8(28) !== 0)
    throw invalidArgument('rows from top to bottom', 'the PNG', 'an interlaced one');
  return { width, height, bits: view.getUint8(24) === 16 ? 16 : 8 };
}

/** @throws QuietframeError as `pngHeader`; `invalid-argument` for a damaged file. */
export function decodePng(bytes: Uint8Array): PngPicture {
  const { width, height, bits } = pngHeader(bytes);
  let samples: ArrayLike<number>;
  try {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    samples = PNG.sync.read(buffer, { skipRescale: bits === 16 }).data;
  } catch (cause) {
    const message = expected('a whole PNG', 'the picture', 'a damaged one');
    throw new QuietframeError('invalid-argument', message, { parameter: 'the picture' }, { cause });
  }
  const most = 2 ** bits - 1;
  const color = raster(width, height, 3);
  const alpha = raster(width, height, 1);
  const pixels = width * height;
  for (let i = 0; i < pixels; i++) {
    for (let c = 0; c < 3; c++) color.data[c * pixels + i] = (samples[4 * i + c] as number) / most;
    alpha.data[i] = (samples[4 * i + 3] as number) / most;
  }
  return { color, bits, ...(alpha.data.some((value) => value < 1) && { alpha }) };
}

/** Values are limited to [0, 1]. */
export function encodePicture({ color, alpha, bits }: PngPicture): Uint8Array {
  const { width, height } = color;
  const most = 2 ** bits - 1;
  const samples = new (bits === 16 ? Uint16Array : Uint8Array)(4 * width * height).fill(most);
  const put = (values: Float32Array, c: number): void => {
    for (const [i, value] of values.entries()) {
      samples[4 * i + c] = Math.round(most * Math.min(Math.max(value, 0), 1));
    }
  };
  for (let c = 0; c < 3; c++) put(plane(color, c), c);
  if (alpha !== undefined) put(alpha.data, 3);
  const png = new PNG({ width, height });
  png.data = Buffer.from(samples.buffer);
  return new Uint8Array(
    PNG.sync.write(png, { bitDepth: bits, colorType: alpha ? 6 : 2, inputHasAlpha: true }),
  );
}
