import type { ExrLimits } from './limits.js';
import { checkLimit } from './refusal.js';

/** What the parts of a header add up to. Each sum is held against its limit as it grows, before the part is stored. */
export class HeaderTotals {
  readonly #limits: ExrLimits;
  #attributeBytes = 0;
  #channels = 0;
  #chunks = 0;

  constructor(limits: ExrLimits) {
    this.#limits = limits;
  }

  /** @throws QuietframeError `too-large`, as the others. */
  addAttribute(bytes: number): void {
    this.#attributeBytes += bytes;
    checkLimit(this.#attributeBytes, this.#limits.maxHeaderBytes, 'the bytes of the attributes');
  }

  addChannel(): void {
    checkLimit(++this.#channels, this.#limits.maxChannels, 'the channels of the OpenEXR file');
  }

  addChunks(count: number): void {
    this.#chunks += count;
    checkLimit(this.#chunks, this.#limits.maxChunks, 'the chunks of the OpenEXR file');
  }
}
