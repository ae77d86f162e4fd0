/** Columns of the bar. */
const WIDTH = 30;

/** A line with a bar that grows in a terminal, and a line for each quarter elsewhere. */
export class ProgressBar {
  #quarters = -1;

  constructor(
    private readonly what: string,
    private readonly out: Pick<NodeJS.WriteStream, 'write' | 'isTTY'> = process.stdout,
  ) {}

  /** @param fraction of the work that is done, in [0, 1]. */
  show(fraction: number): void {
    const percent = `${Math.floor(100 * fraction)} %`;
    if (this.out.isTTY) {
      const done = Math.round(WIDTH * fraction);
      this.out.write(
        `\r${this.what} [${'#'.repeat(done)}${'.'.repeat(WIDTH - done)}] ${percent.padStart(5)}`,
      );
      return;
    }
    const quarters = Math.floor(4 * fraction);
    if (quarters <= this.#quarters) return;
    this.#quarters = quarters;
    this.out.write(`${this.what}: ${percent}\n`);
  }

  end(): void {
    if (this.out.isTTY) this.out.write('\n');
  }
}
