/** Where the service stands: `starting` until warm-up is done, `draining` from the signal to stop until the end. */
export type Phase = 'starting' | 'ready' | 'draining';

/** The phase of the service; it only ever moves forward. */
export class Lifecycle {
  #phase: Phase = 'starting';
  readonly #changes = new EventTarget();

  get phase(): Phase {
    return this.#phase;
  }

  /** Warm-up is done. */
  ready(): void {
    if (this.#phase === 'starting') this.#enter('ready');
  }

  /** No new work is taken from now on. */
  drain(): void {
    this.#enter('draining');
  }

  /** Calls back after every change of the phase, until the signal aborts. */
  onChange(listener: () => void, signal: AbortSignal): void {
    this.#changes.addEventListener('change', listener, { signal });
  }

  #enter(phase: Phase): void {
    this.#phase = phase;
    this.#changes.dispatchEvent(new Event('change'));
  }
}
