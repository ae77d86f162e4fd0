/** Smallest buffer; all have a power of two of bytes, of which the system backs those that were written. */
const LEAST_BYTES = 2 ** 16;

/**
 * Shared memory for uploads. Shared buffers live outside of the heap, where the garbage collector does not see how much
 * they hold: those of refused uploads are used again instead of waiting for it.
 */
export class UploadMemory {
  readonly #mostBytes: number;
  readonly #free: SharedArrayBuffer[] = [];
  #freeBytes = 0;

  /** @param mostBytes of buffers that are kept for later uploads. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes that wait for another upload. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** Memory of one request; see {@link UploadScope}. */
  open(): UploadScope {
    return new UploadScope(this);
  }

  take(bytes: number): SharedArrayBuffer {
    let best = -1;
    for (const [index, { byteLength }] of this.#free.entries()) {
      const fits = byteLength >= bytes;
      if (fits && (best < 0 || byteLength < (this.#free[best] as SharedArrayBuffer).byteLength)) best = index;
    }
    const [buffer] = best < 0 ? [] : this.#free.splice(best, 1);
    if (buffer === undefined) {
      return new SharedArrayBuffer(Math.max(LEAST_BYTES, 2 ** Math.ceil(Math.log2(bytes))));
    }
    this.#freeBytes -= buffer.byteLength;
    return buffer;
  }

  giveBack(buffer: SharedArrayBuffer): void {
    this.#free.push(buffer);
    this.#freeBytes += buffer.byteLength;
    this.trim(this.#mostBytes);
  }

  /** Lets go of buffers until no more bytes wait; the largest go last, for they serve uploads of any size. */
  trim(mostBytes: number): void {
    while (this.#freeBytes > Math.max(0, mostBytes)) {
      const smallest = this.#free.reduce((a, b) => (b.byteLength < a.byteLength ? b : a));
      this.#free.splice(this.#free.indexOf(smallest), 1);
      this.#freeBytes -= smallest.byteLength;
    }
  }
}

/** Buffers of one request, which are given back together unless its work has got them. */
export class UploadScope {
  readonly #memory: UploadMemory;
  readonly #buffers = new Set<SharedArrayBuffer>();
  #closed = false;

  constructor(memory: UploadMemory) {
    this.#memory = memory;
  }

  /** Whether the buffers belong to others now: nothing may be written to them any more. */
  get closed(): boolean {
    return this.#closed;
  }

  take(bytes: number): Uint8Array {
    const buffer = this.#memory.take(bytes);
    this.#buffers.add(buffer);
    return new Uint8Array(buffer);
  }

  giveBack({ buffer }: Uint8Array): void {
    if (buffer instanceof SharedArrayBuffer && this.#buffers.delete(buffer)) this.#memory.giveBack(buffer);
  }

  /** The buffers stay with whoever works on the files or keeps them. */
  handOver(): void {
    this.#buffers.clear();
  }

  /** The request is over: what was not handed over serves the next upload. */
  release(): void {
    this.#closed = true;
    for (const buffer of this.#buffers) this.#memory.giveBack(buffer);
    this.#buffers.clear();
  }
}
