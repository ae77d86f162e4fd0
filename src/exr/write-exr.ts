import { QuietframeError } from '../errors.js';
import type { Image } from '../image/image.js';

/** Lossless compressions that are written. */
export const WRITABLE_COMPRESSIONS = ['none', 'rle', 'zips', 'zip', 'piz'] as const;
export type WritableCompression = (typeof WRITABLE_COMPRESSIONS)[number];

export interface WriteOptions {
  /** `zip` by default. */
  readonly compression?: WritableCompression;
}

/** Encodes an image as a scan-line OpenEXR file; more than one part makes a multi-part file. */
export function writeExr(image: Image, options?: WriteOptions): Uint8Array {
  throw new QuietframeError('not-implemented', 'Not implemented');
}
