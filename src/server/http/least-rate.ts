export interface LeastRateOptions {
  /** Bytes that the other side moves in a second at least; 0 for no limit. */
  readonly bytesPerSecond: number;
  /** Milliseconds that it may fall behind. */
  readonly graceMs: number;
}

/**
 * Watches how fast the other side of a connection moves bytes. Only time in which it is waited for counts; bytes buy time
 * at the least rate, but never more than the grace period.
 */
export class LeastRate {
  readonly #options: LeastRateOptions;
  readonly #onStall: () => void;
  /** Milliseconds that the other side may still be waited for. */
  #credit: number;
  #since: number | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: LeastRateOptions, onStall: () => void) {
    this.#options = options;
    this.#onStall = onStall;
    this.#credit = options.graceMs;
  }

  /** The other side is waited for from now on. */
  wait(): void {
    if (this.#ended || this.#options.bytesPerSecond === 0) return;
    this.#since ??= performance.now();
    this.#arm(this.#credit);
  }

  /** It has moved bytes and is not waited for. */
  moved(bytes: number): void {
    const { bytesPerSecond, graceMs } = this.#options;
    if (this.#since !== undefined) this.#credit -= performance.now() - this.#since;
    this.#since = undefined;
    this.#credit = Math.min(graceMs, this.#credit + (1000 * bytes) / bytesPerSecond);
  }

  end(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    if (this.#timer !== undefined || this.#ended) return;
    this.#timer = setTimeout(
      () => {
        // Bytes that came while this thread was busy are read before.
        setImmediate(() => this.#check());
      },
      Math.max(1, Math.ceil(ms)),
    ).unref();
  }

  #check(): void {
    this.#timer = undefined;
    if (this.#since === undefined || this.#ended) return;
    const left = this.#credit - (performance.now() - this.#since);
    if (left > 0) {
      this.#arm(left);
    } else {
      this.end();
      this.#onStall();
    }
  }
}
