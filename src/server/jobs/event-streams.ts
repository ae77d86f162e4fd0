import { expected, QuietframeError } from '../../errors.js';
import type { Caller } from '../auth/tokens.js';

/** Bounds how many streams of events are open, and what one caller has of them. */
export class EventStreams {
  readonly #most: number;
  readonly #open = new Map<string, number>();
  #total = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /**
   * @returns closes the stream.
   * @throws QuietframeError `overloaded`; `too-many-requests` when the caller has half of all.
   */
  open({ name }: Caller): () => void {
    const mine = this.#open.get(name) ?? 0;
    if (this.#total >= this.#most) throw this.#rejection('overloaded', this.#most, this.#total);
    const share = Math.ceil(this.#most / 2);
    if (mine >= share) throw this.#rejection('too-many-requests', share, mine);
    this.#total++;
    this.#open.set(name, mine + 1);
    return () => {
      this.#total--;
      const left = (this.#open.get(name) ?? 1) - 1;
      if (left === 0) this.#open.delete(name);
      else this.#open.set(name, left);
    };
  }

  #rejection(code: 'overloaded' | 'too-many-requests', most: number, open: number): QuietframeError {
    return new QuietframeError(code, expected(`at most ${most}`, 'streams of events', open + 1), {
      retryAfter: 5,
    });
  }
}
