import type { Attribute, Box } from '../../image/image.js';

/** One part of a file as its header tells it. */
export interface PartChannels {
  readonly name: string;
  readonly view: string | undefined;
  readonly dataWindow: Box;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly channels: readonly { readonly name: string }[];
  /** Set where the samples cannot be decoded, and why. */
  readonly unreadable?: { readonly received: string };
}
