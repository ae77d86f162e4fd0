import { QuietframeError } from '../errors.js';
import type { Image } from '../image/image.js';
import type { ExrChannel, ExrPart } from './header.js';
import type { ExrLimits } from './limits.js';

export interface ReadOptions {
  readonly limits?: Partial<ExrLimits>;
  /** Which channels to materialise; all of them by default. */
  readonly select?: (part: ExrPart, channel: ExrChannel) => boolean;
}

/**
 * Decodes the selected channels of an OpenEXR file. Every part of the file is in the result, with the planes that were
 * asked for; `half` samples are widened to float32 exactly, NaN payloads included.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`, `too-large`.
 */
export function readExr(bytes: Uint8Array, options?: ReadOptions): Image {
  throw new QuietframeError('not-implemented', 'Not implemented');
}
