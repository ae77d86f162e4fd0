/** A signal that follows others until it is released. */
export interface FollowingSignal {
  readonly signal: AbortSignal;
  release(): void;
}

/**
 * A signal that aborts with the first of the others. `AbortSignal.any` leaves an entry in each signal for as long as that lives;
 * this leaves nothing once it is released, which signals of the whole process need.
 */
export function followSignals(signals: readonly AbortSignal[]): FollowingSignal {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  for (const signal of signals) {
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
  }
  const release = (): void => {
    for (const signal of signals) signal.removeEventListener('abort', abort);
  };
  return { signal: controller.signal, release };
}
