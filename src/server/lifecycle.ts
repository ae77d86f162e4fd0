/** Where the service stands: `starting` until warm-up is done, `draining` from the signal to stop until the end. */
export type Phase = 'starting' | 'ready' | 'draining';

/** The phase of the service; it only ever moves forward. */
export class Lifecycle {
  #phase: Phase = 'starting';

  get phase(): Phase {
    return this.#phase;
  }

  /** Warm-up is done. */
  ready(): void {
    if (this.#phase === 'starting') this.#phase = 'ready';
  }

  /** No new work is taken from now on. */
  drain(): void {
    this.#phase = 'draining';
  }
}
