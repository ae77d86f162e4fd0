import { expected, QuietframeError } from '../../errors.js';
import type { Caller } from '../auth/tokens.js';
import { chooseVictim } from './choose-victim.js';
import { QueueSlot, type RequestPriority } from './queue-slot.js';
import { cancelled, timeLimit } from './time-limit.js';
import type { Share, Waiter } from './waiter.js';

/** Milliseconds of waiting after which a request counts as more urgent by one: nobody waits for ever. */
const AGE_MS = 10_000;

export interface QueueOptions {
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly now?: () => number;
  /** Milliseconds that work may take once its turn has come. */
  readonly workMs?: number;
}

/**
 * Bounds what the service holds at once: `concurrency` requests run, in `memoryBytes` together, and `length` more may
 * upload or wait. A request takes its place before its body is read, so that the memory of uploads is bounded too.
 *
 * The most urgent request runs first, and waiting makes a request more urgent; among those, one of the caller who has the least running, then of the caller who
 * has had the least work done; then the one that came first. Where all places are taken, a caller who holds fewer than
 * another gets the place of the latest that waits or arrives of the caller who holds most.
 */
export class WorkQueue {
  readonly #concurrency: number;
  readonly #length: number;
  readonly #memoryBytes: number;
  readonly #waiting: Waiter[] = [];
  /** Places whose requests still arrive. */
  readonly #arriving = new Set<QueueSlot>();
  readonly #shares = new Map<string, Share>();
  #places = 0;
  #running = 0;
  #reserved = 0;
  /** What the caller whose work started last had been served. */
  #clock = 0;
  /** Running mean of the seconds that work takes. */
  #meanSeconds = 1;

  readonly #now: () => number;
  readonly #workMs: number | undefined;

  constructor(
    concurrency: number,
    length: number,
    memoryBytes = Number.POSITIVE_INFINITY,
    { now = () => performance.now(), workMs }: QueueOptions = {},
  ) {
    this.#now = now;
    this.#workMs = workMs;
    this.#concurrency = concurrency;
    this.#length = length;
    this.#memoryBytes = memoryBytes;
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

  /** Bytes that the requests that run may take. */
  get reservedBytes(): number {
    return this.#reserved;
  }

  /** Whole seconds after which a place may be free. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.#meanSeconds * (this.#waiting.length + 1)) / this.#concurrency));
  }

  /**
   * Takes a place.
   * @throws QuietframeError `too-many-requests` when the caller has as many as it may; `overloaded` when all are taken,
   * or when the turn would come after the deadline. Both say when to come again.
   */
  admit(terms: RequestPriority): QueueSlot {
    const { caller, urgency, deadline } = terms;
    const limit = this.#concurrency + this.#length;
    const mine = this.#shares.get(caller.name)?.places ?? 0;
    if (mine >= caller.places) {
      throw this.#rejection('too-many-requests', `You have ${mine} unfinished requests, the most allowed`);
    }
    const ahead = this.#waiting.filter(({ terms }) => terms.urgency <= urgency).length;
    const wait =
      this.#running < this.#concurrency ? 0 : (this.#meanSeconds * (ahead + 1)) / this.#concurrency;
    if (deadline !== undefined && performance.now() + 1000 * wait > deadline) {
      const turn = `its turn would come in about ${wait.toFixed(1)} s`;
      throw this.#rejection('overloaded', `The queue cannot start this request before its deadline: ${turn}`);
    }
    if (this.#places >= limit && !this.#preempt(mine + 1)) {
      throw this.#rejection('overloaded', `The queue is full (${limit} requests)`);
    }
    this.#places++;
    const share = this.#share(caller);
    share.places++;
    const place = new QueueSlot(this, terms, () => {
      this.#arriving.delete(place);
      this.#places--;
      share.places--;
      this.#forgetIdle();
    });
    this.#arriving.add(place);
    return place;
  }

  /**
   * Runs work when its turn comes. The work's signal aborts with the given one, and at the deadline.
   * @param bytes memory that the work may take.
   * @throws QuietframeError `too-large` when the work never fits; `cancelled` when the signal aborts before its turn;
   * `deadline-exceeded`; `too-many-requests` when its place goes to another caller; otherwise what the work throws.
   */
  async run<T>(
    work: (signal: AbortSignal) => Promise<T>,
    outer: AbortSignal,
    terms: RequestPriority,
    bytes = 0,
    place?: QueueSlot,
  ): Promise<T> {
    if (bytes > this.#memoryBytes) {
      const message = expected(`at most ${this.#memoryBytes}`, 'the bytes of memory for the frames', bytes);
      throw new QuietframeError('too-large', message);
    }
    if (place !== undefined) this.#arriving.delete(place);
    const limit = terms.deadline === undefined ? undefined : timeLimit(terms.deadline);
    const signal = limit === undefined ? outer : AbortSignal.any([outer, limit]);
    try {
      const share = await this.#turn(signal, terms, bytes, place);
      const start = performance.now();
      try {
        return await this.#withinLimit(work, signal);
      } finally {
        const seconds = (performance.now() - start) / 1000;
        this.#meanSeconds += 0.2 * (seconds - this.#meanSeconds);
        this.#running--;
        this.#reserved -= bytes;
        share.running--;
        share.served += seconds;
        this.#forgetIdle();
        this.#startNext();
      }
    } catch (error) {
      if (limit?.aborted && !outer.aborted) {
        throw new QuietframeError('deadline-exceeded', 'The deadline of the request has passed');
      }
      throw error;
    }
  }

  async #withinLimit<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<T> {
    if (this.#workMs === undefined) return work(signal);
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), Math.min(2 ** 31 - 1, this.#workMs)).unref();
    try {
      return await work(AbortSignal.any([signal, late.signal]));
    } catch (error) {
      if (!late.signal.aborted || signal.aborted) throw error;
      const range = `at most ${this.#workMs / 1000} s`;
      throw new QuietframeError('deadline-exceeded', expected(range, 'the work on a frame', 'more'));
    } finally {
      clearTimeout(timer);
    }
  }

  /** A request that has had its turn still arrives: its place can go to another caller again. */
  arrives(place: QueueSlot): void {
    this.#arriving.add(place);
  }

  #turn(
    signal: AbortSignal,
    terms: RequestPriority,
    bytes: number,
    place: QueueSlot | undefined,
  ): Promise<Share> {
    if (signal.aborted) return Promise.reject(cancelled());
    const share = this.#share(terms.caller);
    if (share.waiting + share.running === 0) share.served = Math.max(share.served, this.#clock);
    share.waiting++;
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        signal.removeEventListener('abort', abort);
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        share.waiting--;
      };
      const refuse = (error: QuietframeError): void => {
        leave();
        reject(error);
        this.#forgetIdle();
        this.#startNext();
      };
      const abort = (): void => refuse(cancelled());
      const waiter: Waiter = {
        since: this.#now(),
        terms,
        bytes,
        place,
        refuse,
        start: () => {
          leave();
          this.#running++;
          this.#reserved += bytes;
          share.running++;
          this.#clock = Math.max(this.#clock, share.served);
          resolve(share);
        },
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(waiter);
      this.#startNext();
    });
  }

  /** What is next does not let smaller work pass: it would wait for ever. */
  #startNext(): void {
    while (this.#running < this.#concurrency) {
      const [first, ...others] = this.#waiting;
      if (first === undefined) return;
      const next = others.reduce((best, waiter) => (this.#before(waiter, best) ? waiter : best), first);
      if (this.#reserved + next.bytes > this.#memoryBytes) return;
      next.start();
    }
  }

  /** Whether one goes before another that came earlier. */
  #before(one: Waiter, other: Waiter): boolean {
    const [mine, theirs] = [this.#urgency(one), this.#urgency(other)];
    if (mine !== theirs) return mine < theirs;
    const [a, b] = [this.#share(one.terms.caller), this.#share(other.terms.caller)];
    return a.running === b.running ? a.served < b.served : a.running < b.running;
  }

  #urgency({ since, terms }: Waiter): number {
    return Math.max(0, terms.urgency - Math.floor((this.#now() - since) / AGE_MS));
  }

  /**
   * Makes room for a caller who will hold `mine` places, at the cost of the one who holds most and more than that: of the
   * latest of its requests that waits or still arrives.
   */
  #preempt(mine: number): boolean {
    const why = 'The queue is full, and another caller with fewer requests came first';
    const refuse = (): QuietframeError => this.#rejection('too-many-requests', why);
    const waiting = this.#waiting.flatMap(({ terms, place, refuse: reject }) => {
      if (place === undefined) return [];
      const leave = (): void => {
        reject(refuse());
        place.release();
      };
      return [{ terms, leave }];
    });
    const arriving = [...this.#arriving].map((place) => ({
      terms: place.terms,
      leave: () => place.lose(refuse()),
    }));
    const held = ({ caller }: RequestPriority): number => this.#share(caller).places;
    const victim = chooseVictim([...waiting, ...arriving], mine, held);
    victim?.leave();
    return victim !== undefined;
  }

  #rejection(code: 'overloaded' | 'too-many-requests', why: string): QuietframeError {
    const retryAfter = this.retryAfterSeconds;
    return new QuietframeError(code, `${why}. Try again in ${retryAfter} s`, { retryAfter });
  }

  #share({ name }: Caller): Share {
    const share = this.#shares.get(name) ?? { places: 0, running: 0, waiting: 0, served: this.#clock };
    this.#shares.set(name, share);
    return share;
  }

  /** Callers who have nothing here and have had no more than others. */
  #forgetIdle(): void {
    for (const [name, { places, running, waiting, served }] of this.#shares) {
      if (places + running + waiting === 0 && (served <= this.#clock || this.#places + this.#running === 0)) {
        this.#shares.delete(name);
      }
    }
  }
}
