import { QuietframeError } from '../errors.js';

/** The user has stopped a command, by SIGINT; the message says how far it came. */
export class Interrupted extends Error {}

/** Stops the work of a command on SIGINT and SIGTERM, until it is released. A second signal ends the process as usual. */
export class Interruption {
  readonly #abort = new AbortController();
  #isInterrupted = false;
  readonly #interrupt = (name?: NodeJS.Signals): void => {
    this.#isInterrupted = name === 'SIGINT';
    this.#abort.abort();
  };

  constructor() {
    process.once('SIGINT', this.#interrupt).once('SIGTERM', this.#interrupt);
  }

  /** Aborts with the signal of the process. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Whether work ended because SIGINT stopped it, and not of something that went wrong at that moment. */
  explains(error: unknown): boolean {
    return this.#isInterrupted && error instanceof QuietframeError && error.code === 'cancelled';
  }

  release(): void {
    process.off('SIGINT', this.#interrupt).off('SIGTERM', this.#interrupt);
  }
}
