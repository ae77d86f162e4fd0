import type { TransferredError } from './transfer-error.js';

/** What a job is given and what it answers. Structured cloning carries both. */
export interface JobType {
  readonly given: unknown;
  readonly answer: unknown;
}

/** The jobs of a worker, by name. */
export type JobTypes<Jobs> = { readonly [Name in keyof Jobs]: JobType };

/** From the pool to a thread. */
export type ToThread =
  | {
      readonly id: number;
      readonly name: PropertyKey;
      readonly given: unknown;
      /** In shared memory: not 0 once nobody waits for the answer. Code that never yields reads it. */
      readonly cancelled: Int32Array | undefined;
    }
  | { readonly id: number; readonly abort: true }
  /** The thread is to end, as soon as its jobs have. */
  | { readonly close: true };

/** From a thread to the pool. */
export type FromThread =
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: TransferredError };
