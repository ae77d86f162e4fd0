import type { QuietframeError } from '../../errors.js';
import type { QueueSlot, RequestPriority } from './queue-slot.js';

export interface Waiter {
  /** Time at which it began to wait. */
  readonly since: number;
  readonly terms: RequestPriority;
  readonly bytes: number;
  readonly place: QueueSlot | undefined;
  readonly start: () => void;
  readonly refuse: (error: QuietframeError) => void;
}

/** What a caller has of the service. */
export interface Share {
  places: number;
  running: number;
  waiting: number;
  /** Seconds of work so far, on the common clock: who has been away does not save turns up. */
  served: number;
}
