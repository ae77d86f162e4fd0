import { expected, QuietframeError } from '../errors.js';

interface Waiter {
  readonly start: () => void;
}

/**
 * Bounds what the service holds at once: `concurrency` requests run, and `length` more may upload or wait. A request
 * takes its place before its body is read, so that the memory of uploads is bounded too.
 */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #length: number;
  readonly #waiting: Waiter[] = [];
  #places = 0;
  #running = 0;
  /** Running mean of the seconds that work takes. */
  #meanSeconds = 1;

  constructor(concurrency: number, length: number) {
    this.#concurrency = concurrency;
    this.#length = length;
  }

  /** Requests that hold a place. */
  get places(): number {
    return this.#places;
  }

  /** Requests that have arrived whole and wait for their turn. */
  get depth(): number {
    return this.#waiting.length;
  }

  get running(): number {
    return this.#running;
  }

  /** Whole seconds after which a place may be free. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.#meanSeconds * (this.#waiting.length + 1)) / this.#concurrency));
  }

  /**
   * Takes a place.
   * @throws QuietframeError `overloaded` when all are taken.
   */
  admit(): Place {
    const limit = this.#concurrency + this.#length;
    if (this.#places >= limit) {
      throw new QuietframeError('overloaded', expected(`at most ${limit}`, 'requests at once', 'one more'));
    }
    this.#places++;
    return new Place(this, () => {
      this.#places--;
    });
  }

  /**
   * Runs work when its turn comes, first come first served.
   * @throws QuietframeError `cancelled` when the signal aborts before its turn; otherwise what the work throws.
   */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    await this.#turn(signal);
    const start = performance.now();
    try {
      return await work();
    } finally {
      this.#meanSeconds += 0.2 * ((performance.now() - start) / 1000 - this.#meanSeconds);
      this.#running--;
      this.#waiting.shift()?.start();
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(cancelled());
    if (this.#running < this.#concurrency) {
      this.#running++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          signal.removeEventListener('abort', abort);
          this.#running++;
          resolve();
        },
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(cancelled());
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
    });
  }
}

/** The place of one request. It is free again when the request has left and its work, if any, has ended. */
export class Place {
  readonly #queue: WorkQueue;
  readonly #release: () => void;
  #working = false;
  #left = false;
  #released = false;

  constructor(queue: WorkQueue, release: () => void) {
    this.#queue = queue;
    this.#release = release;
  }

  /** As {@link WorkQueue.run}. */
  async run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#working = true;
    try {
      return await this.#queue.run(work, signal);
    } finally {
      this.#working = false;
      this.#releaseOnce();
    }
  }

  /** The request is over: its answer is sent, or its client is gone. */
  leave(): void {
    this.#left = true;
    this.#releaseOnce();
  }

  #releaseOnce(): void {
    if (!this.#left || this.#working || this.#released) return;
    this.#released = true;
    this.#release();
  }
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The request was cancelled before its turn');
}
