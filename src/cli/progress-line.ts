const WIDTH = 30;

/** A bar on one line of a terminal, redrawn in place; nothing where standard error is not a terminal. */
export class ProgressLine {
  readonly #active = process.stderr.isTTY === true;
  readonly #label: string;

  constructor(label: string) {
    this.#label = label;
  }

  /** @param fraction in [0, 1]. */
  show(fraction: number): void {
    if (!this.#active) return;
    const filled = Math.round(WIDTH * fraction);
    const bar = '#'.repeat(filled) + '.'.repeat(WIDTH - filled);
    process.stderr.write(`\r${this.#label} [${bar}] ${String(Math.floor(100 * fraction)).padStart(3)} %`);
  }

  /** Clears the line. */
  end(): void {
    if (this.#active) process.stderr.write('\r\u001b[K');
  }
}
