import type { QuietframeError } from '../../errors.js';
import type { Caller } from '../auth/tokens.js';

/** Who sent a request, how urgent it is, and when its answer is due. */
export interface RequestPriority {
  readonly caller: Caller;
  /** 0 is served first, 7 last (RFC 9218). */
  readonly urgency: number;
  /** Time of `performance.now` at which the answer is of no use any more; none where it is undefined. */
  readonly deadline: number | undefined;
}

/** The part of `WorkQueue` that a slot uses. */
export interface PlaceQueue {
  run<T>(
    work: (signal: AbortSignal) => Promise<T>,
    outer: AbortSignal,
    terms: RequestPriority,
    bytes: number | undefined,
    place: QueueSlot,
  ): Promise<T>;
  arrives(place: QueueSlot): void;
}

/** The slot of one request in the queue. It is free again when the request is over and its work, if any, has ended. */
export class QueueSlot {
  readonly #queue: PlaceQueue;
  readonly #free: () => void;
  readonly #lost = new AbortController();
  #working = false;
  #left = false;
  #released = false;

  constructor(
    queue: PlaceQueue,
    readonly terms: RequestPriority,
    free: () => void,
  ) {
    this.#queue = queue;
    this.#free = free;
  }

  /** Aborts, with the error for the client, when the place goes to another caller while the request still arrives. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** As `WorkQueue.run`. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal, bytes?: number): Promise<T> {
    this.#working = true;
    try {
      this.#lost.signal.throwIfAborted();
      return await this.#queue.run(work, signal, this.terms, bytes, this);
    } finally {
      this.#working = false;
      if (this.#left) this.release();
    }
  }

  /** The request is over: its answer is sent, or its client is gone. */
  leave(): void {
    this.#left = true;
    if (!this.#working) this.release();
  }

  /** More of the request arrives after its turn. */
  arrive(): void {
    if (!this.#released) this.#queue.arrives(this);
  }

  /** The place goes to another caller. */
  lose(error: QuietframeError): void {
    this.release();
    this.#lost.abort(error);
  }

  /** Frees the place at once. */
  release(): void {
    if (this.#released) return;
    this.#released = true;
    this.#free();
  }
}
