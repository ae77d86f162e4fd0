import { QuietframeError } from '../errors.js';

/** Lets one through at a time, in the order of arrival. */
export class Mutex {
  #occupied = false;
  readonly #waiting: (() => void)[] = [];

  /**
   * Waits for its turn.
   * @returns the function that ends the turn.
   * @throws QuietframeError `cancelled` when the signal aborts before.
   */
  async enter(signal?: AbortSignal): Promise<() => void> {
    if (signal?.aborted) throw cancelled();
    if (this.#occupied) await this.#turn(signal);
    this.#occupied = true;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#occupied = false;
      else next();
    };
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = (): void => {
        signal?.removeEventListener('abort', abort);
        resolve();
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        reject(cancelled());
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#waiting.push(enter);
    });
  }
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'Denoising was cancelled');
}
