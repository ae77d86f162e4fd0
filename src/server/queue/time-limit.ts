import { QuietframeError } from '../../errors.js';

/** Aborts at a time of `performance.now`. */
export function timeLimit(deadline: number): AbortSignal {
  return AbortSignal.timeout(Math.min(2 ** 31 - 1, Math.max(0, Math.ceil(deadline - performance.now()))));
}

export function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The request was cancelled before its turn');
}
