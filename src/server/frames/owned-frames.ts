import { createHash } from 'node:crypto';
import { storedName } from './frame-name.js';
import type { FrameStore } from './frame-store.js';
import type { SpooledFile } from './spool-files.js';

/** Hexadecimal digits of a namespace. */
const NAMESPACE_DIGITS = 16;

/**
 * The kept frames of one owner, by digest. Others neither see nor use nor delete them, whoever sent the same bytes. The methods
 * are those of {@link FrameStore}.
 */
export class OwnedFrames {
  readonly #store: FrameStore;
  readonly #namespace: string | undefined;

  /** @param owner name of a token; undefined where all callers share their frames. */
  constructor(store: FrameStore, owner: string | undefined) {
    this.#store = store;
    this.#namespace =
      owner === undefined
        ? undefined
        : createHash('sha256').update(owner).digest('hex').slice(0, NAMESPACE_DIGITS);
  }

  get largest(): number {
    return this.#store.largest;
  }

  has(digest: string): boolean {
    return this.#store.has(this.#name(digest));
  }

  sizeOf(digest: string): number {
    return this.#store.sizeOf(this.#name(digest));
  }

  get(digest: string): Promise<Uint8Array | undefined> {
    return this.#store.get(this.#name(digest));
  }

  inMemory(digest: string): Uint8Array | undefined {
    return this.#store.inMemory(this.#name(digest));
  }

  openSpooled(digest: string): Promise<SpooledFile | undefined> {
    return this.#store.openSpooled(this.#name(digest));
  }

  put(digest: string, bytes: Uint8Array): Promise<void> {
    return this.#store.put(this.#name(digest), bytes);
  }

  persist(digest: string): Promise<void> {
    return this.#store.persist(this.#name(digest));
  }

  pin(digests: readonly string[]): void {
    this.#store.pin(digests.map((digest) => this.#name(digest)));
  }

  release(digests: readonly string[]): void {
    this.#store.release(digests.map((digest) => this.#name(digest)));
  }

  delete(digest: string): Promise<boolean> {
    return this.#store.delete(this.#name(digest));
  }

  #name(digest: string): string {
    return storedName(digest, this.#namespace);
  }
}
