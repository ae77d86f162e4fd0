import { QuietframeError } from '../errors.js';
import type { Image } from '../image/image.js';
import type { ExrHeader } from './header.js';
import type { ExrLimits } from './limits.js';
import type { ReadOptions } from './read-exr.js';
import type { Replacements, ReplaceOptions } from './replace-channels.js';
import type { WriteOptions } from './write-exr.js';

export interface ExrPoolOptions {
  /** Workers that may run at once; 2 by default. They start when they are first needed. */
  readonly workers?: number;
  /** Most milliseconds one call may run in a worker; 120 000 by default. */
  readonly timeLimitMs?: number;
  readonly limits?: Partial<ExrLimits>;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
}

/** Reads and writes OpenEXR in worker threads. */
export class ExrPool {
  constructor(readonly options?: ExrPoolOptions) {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
  /** The header, read at once on the calling thread: it is bounded by the limits. */
  header(bytes: Uint8Array): ExrHeader {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
  read(bytes: Uint8Array, options?: Pick<ReadOptions, 'select'> & CallOptions): Promise<Image> {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
  replace(
    original: Uint8Array,
    replacements: Replacements,
    options?: ReplaceOptions & CallOptions,
  ): Promise<Uint8Array> {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
  write(image: Image, options?: WriteOptions & CallOptions): Promise<Uint8Array> {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
  close(): Promise<void> {
    throw new QuietframeError('not-implemented', 'Not implemented');
  }
}
