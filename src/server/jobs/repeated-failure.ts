import type { Problem } from '../http/problem.js';
import type { FrameEnd } from './job.js';

/** How many frames in a row may fail for the same reason of the service's own. */
const MOST_FAILURES = 3;

/** Failures of the service's own that are the same for one frame after the other: the rest would fail like them. */
export class RepeatedFailure {
  #last: Problem | undefined;
  #count = 0;

  /** What the frames that are left fail with, once it is plain. */
  get error(): Problem | undefined {
    return this.#count < MOST_FAILURES ? undefined : this.#last;
  }

  note(end: FrameEnd | undefined): void {
    const error = end !== undefined && 'error' in end && end.error.status >= 500 ? end.error : undefined;
    this.#count = error === undefined ? 0 : error.type === this.#last?.type ? this.#count + 1 : 1;
    this.#last = error;
  }
}
