const WIDTH = 30;

/** A bar on one line of a terminal, redrawn in place; nothing where standard error is not a terminal. */
export class ProgressLine {
  /** Whether it shows. */
  readonly isActive = process.stderr.isTTY === true;
  readonly #label: string;

  constructor(label: string) {
    this.#label = label;
  }

  /**
   * @param fraction in [0, 1].
   * @param secondsLeft until the end, where they are known.
   */
  show(fraction: number, secondsLeft?: number): void {
    if (!this.isActive) return;
    const filled = Math.round(WIDTH * fraction);
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
    const percent = String(Math.floor(100 * fraction)).padStart(3);
    const left = secondsLeft === undefined ? '' : `, ${duration(secondsLeft)} left`;
    process.stderr.write(`\r${this.#label} [${bar}] ${percent} %${left}\u001b[K`);
  }

  /** Clears the line. */
  end(): void {
    if (this.isActive) process.stderr.write('\r\u001b[K');
  }
}

/** A time for people: `1 h 5 min`, `20 s`. */
export function duration(seconds: number): string {
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min ${whole % 60} s` : `${whole} s`;
}
