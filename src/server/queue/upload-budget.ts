import { expected, QuietframeError } from '../../errors.js';
import type { UploadMemory } from './upload-memory.js';

/** Seconds after which another try may find room. */
const RETRY_AFTER = 5;

/** Memory for the bodies of requests: what may arrive is reserved before the first byte is read. */
export class UploadBudget {
  readonly #bytes: number;
  readonly #pool: Pick<UploadMemory, 'trim'> | undefined;
  #reserved = 0;

  /** @param pool of buffers that wait for an upload; they have to fit beside what is reserved. */
  constructor(bytes: number, pool?: Pick<UploadMemory, 'trim'>) {
    this.#bytes = bytes;
    this.#pool = pool;
  }

  get reserved(): number {
    return this.#reserved;
  }

  /**
   * Reserves memory until the result is called.
   * @throws QuietframeError `overloaded` where others have reserved too much of it; `too-large` for more than there is.
   */
  reserve(bytes: number): () => void {
    if (bytes > this.#bytes) {
      throw new QuietframeError(
        'too-large',
        expected(`at most ${this.#bytes}`, 'the bytes of uploads', bytes),
      );
    }
    if (this.#reserved + bytes > this.#bytes) {
      const message = 'The upload cannot be read yet: the memory for uploads is in use';
      throw new QuietframeError('overloaded', message, { retryAfter: RETRY_AFTER });
    }
    this.#reserved += bytes;
    this.#pool?.trim(this.#bytes - this.#reserved);
    let isReserved = true;
    return () => {
      if (isReserved) this.#reserved -= bytes;
      isReserved = false;
    };
  }
}
