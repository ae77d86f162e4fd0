/** Hands values from a callback to a loop. A loop that is slower than the callback gets the newest value alone. */
export class ConflatingChannel<T> implements AsyncIterable<T> {
  #value: { readonly latest: T } | undefined;
  #ended = false;
  #wake = (): void => {};

  readonly set = (latest: T): void => {
    this.#value = { latest };
    this.#wake();
  };

  /** The loop gets the value that is left, if any, and ends. */
  readonly end = (): void => {
    this.#ended = true;
    this.#wake();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void> {
    for (;;) {
      const value = this.#value;
      if (value !== undefined) {
        this.#value = undefined;
        yield value.latest;
      } else if (this.#ended) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}
