import { QuietframeError } from '../errors.js';
import type { Attribute, SampleType } from '../image/image.js';
import type { ExrHeader } from './header.js';
import type { WritableCompression } from './write-exr.js';

/** New samples by part index and full channel name, row-major over the part's data window. */
export type Replacements = ReadonlyMap<number, ReadonlyMap<string, Float32Array | Uint32Array>>;

/** A channel that the file does not have yet. */
export interface AddedChannel {
  readonly part: number;
  readonly name: string;
  readonly type: SampleType;
  readonly data: Float32Array | Uint32Array;
}

export interface ReplaceOptions {
  /** Written into the first part and into every part that is touched, over attributes of the same name. */
  readonly attributes?: ReadonlyMap<string, Attribute>;
  readonly add?: readonly AddedChannel[];
  /** Of the touched parts; by default the part's own where it can be written, else `zip`. */
  readonly compression?: WritableCompression;
}

export function replaceChannels(
  original: Uint8Array,
  header: ExrHeader,
  replacements: Replacements,
  options?: ReplaceOptions,
): Uint8Array {
  throw new QuietframeError('not-implemented', 'Not implemented');
}
