import { expected, QuietframeError } from '../../errors.js';
import type { UploadScope } from '../queue/upload-memory.js';

/** Bytes that come in pieces, gathered in shared memory. */
export class GrowingBytes {
  readonly #memory: UploadScope;
  #buffer: Uint8Array;
  #length = 0;

  /** @param size expected bytes; the system backs them with memory only once they are written. */
  constructor(memory: UploadScope, size: number) {
    this.#memory = memory;
    this.#buffer = memory.take(size);
  }

  get length(): number {
    return this.#length;
  }

  push(chunk: Uint8Array): void {
    // The parser of a form may still hand out what it had read before its upload was refused.
    if (this.#memory.closed) return;
    const needed = this.#length + chunk.length;
    if (needed > this.#buffer.length) {
      const grown = this.#memory.take(Math.max(needed, 2 * this.#buffer.length));
      grown.set(this.bytes());
      this.#memory.giveBack(this.#buffer);
      this.#buffer = grown;
    }
    this.#buffer.set(chunk, this.#length);
    this.#length = needed;
  }

  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }
}

export function tooLarge(limit: number, received: number | string): QuietframeError {
  return new QuietframeError(
    'too-large',
    expected(`at most ${limit}`, 'the bytes of the request body', received),
  );
}
