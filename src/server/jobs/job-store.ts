import { expected, QuietframeError } from '../../errors.js';
import type { Caller } from '../auth/tokens.js';
import type { Job } from './job.js';

export interface JobStoreOptions {
  readonly maxJobs: number;
  /** Of all jobs together. */
  readonly maxJobFrames: number;
  /** Of the unfinished jobs of one caller; as many as there are by default. */
  readonly callerJobFrames?: number;
  /** Seconds that a job is kept once it has ended. */
  readonly jobSeconds: number;
  /** Milliseconds that never go back; `performance.now` by default. */
  readonly now?: () => number;
  /** Called with each job that is let go of. */
  readonly onRemove?: (job: Job) => void;
}

/** The jobs of the service: a bounded number of them, those that have ended for a bounded time. */
export class JobStore {
  readonly #options: Required<JobStoreOptions>;
  /** Oldest first. */
  readonly #jobs = new Map<string, Job>();
  /** Jobs that have ended, and when; the earliest first. */
  readonly #ended = new Map<Job, number>();
  readonly #keys = new Map<string, Job>();
  #frames = 0;

  constructor(options: JobStoreOptions) {
    this.#options = {
      now: () => performance.now(),
      onRemove: () => {},
      callerJobFrames: Number.POSITIVE_INFINITY,
      ...options,
    };
  }

  get jobs(): readonly Job[] {
    this.#sweep();
    return [...this.#jobs.values()];
  }

  /**
   * Keeps a job, and lets go of those that ended earliest if there is no room.
   * @param caller whose it is; undefined for a job of an earlier run of the service.
   * @throws QuietframeError `too-many-requests` when the caller has as many jobs as it may; `overloaded`.
   */
  add(job: Job, caller?: Caller): void {
    this.#sweep();
    const { maxJobs, maxJobFrames, callerJobFrames } = this.#options;
    const unfinished = [...this.#jobs.values()].filter((other) => !other.ended);
    const own = unfinished.filter(({ spec }) => spec.owner === job.spec.owner);
    const mine = own.length;
    const frames = own.reduce((sum, { spec }) => sum + spec.frames.length, job.spec.frames.length);
    if (caller !== undefined && frames > callerJobFrames) {
      const name = 'the frames of your jobs that have not ended';
      throw rejection('too-many-requests', `at most ${callerJobFrames}`, name, frames);
    }
    if (caller !== undefined && mine >= caller.jobs) {
      throw rejection(
        'too-many-requests',
        `at most ${caller.jobs}`,
        'your jobs that have not ended',
        mine + 1,
      );
    }
    const { length } = job.spec.frames;
    const isFull = (): boolean => this.#jobs.size >= maxJobs || this.#frames + length > maxJobFrames;
    for (const ended of [...this.#ended.keys()]) {
      if (!isFull()) break;
      this.remove(ended);
    }
    if (isFull()) {
      const range = `at most ${maxJobs} jobs with ${maxJobFrames} frames`;
      throw rejection('overloaded', range, 'the service', 'more');
    }
    this.#jobs.set(job.spec.id, job);
    this.#frames += length;
    const { owner, idempotency } = job.spec;
    if (idempotency !== undefined) this.#keys.set(keyOf(owner, idempotency.key), job);
    const note = (): void => {
      if (job.ended && !this.#ended.has(job)) this.#ended.set(job, this.#options.now());
    };
    job.onChange(note);
    note();
  }

  /**
   * A job of the caller. Those of others do not exist for it.
   * @throws QuietframeError `not-found`.
   */
  find(id: string, caller: Caller): Job {
    this.#sweep();
    const job = this.#jobs.get(id);
    if (job !== undefined && job.spec.owner === caller.name) return job;
    throw new QuietframeError('not-found', expected('a job that is kept', 'the id', id));
  }

  /** The job that a caller has asked for with a key. */
  withKey(key: string, caller: Caller): Job | undefined {
    this.#sweep();
    return this.#keys.get(keyOf(caller.name, key));
  }

  remove(job: Job): void {
    const { id, owner, idempotency, frames } = job.spec;
    if (!this.#jobs.delete(id)) return;
    this.#ended.delete(job);
    this.#frames -= frames.length;
    if (idempotency !== undefined) this.#keys.delete(keyOf(owner, idempotency.key));
    this.#options.onRemove(job);
  }

  #sweep(): void {
    const { now, jobSeconds } = this.#options;
    for (const [job, at] of this.#ended) {
      if (now() - at < 1000 * jobSeconds) return;
      this.remove(job);
    }
  }
}

function keyOf(owner: string, key: string): string {
  return JSON.stringify([owner, key]);
}

function rejection(
  code: 'overloaded' | 'too-many-requests',
  range: string,
  name: string,
  received: number | string,
): QuietframeError {
  return new QuietframeError(code, expected(range, name, received), { retryAfter: 30 });
}
