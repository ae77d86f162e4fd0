/**
 * Bounds the bytes of answers that wait for their readers. Whoever holds the same bytes for several readers counts them
 * once.
 */
export class AnswerMemory {
  readonly #mostBytes: number;
  readonly #held = new Map<unknown, number>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Bytes that are held now. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds bytes until the returned function is called.
   * @param key the same for all who hold the same bytes.
   * @returns undefined where there is no room.
   */
  hold(key: unknown, bytes: number): (() => void) | undefined {
    const users = this.#held.get(key) ?? 0;
    if (users === 0 && this.#bytes + bytes > this.#mostBytes) return undefined;
    if (users === 0) this.#bytes += bytes;
    this.#held.set(key, users + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const left = (this.#held.get(key) ?? 1) - 1;
      if (left > 0) {
        this.#held.set(key, left);
        return;
      }
      this.#held.delete(key);
      this.#bytes -= bytes;
    };
  }
}
