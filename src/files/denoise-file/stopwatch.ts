/** Seconds by stage. */
export class Stopwatch {
  readonly #start = performance.now();
  #last = this.#start;
  readonly laps: Record<string, number> = {};

  lap(stage: string): void {
    const now = performance.now();
    this.laps[stage] = (now - this.#last) / 1000;
    this.#last = now;
  }

  total(): number {
    return (performance.now() - this.#start) / 1000;
  }
}
