import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { expected, QuietframeError } from '../../errors.js';

/**
 * Paths of a numbered sequence: a run of `#` in the file's name stands for the frame number with at least as many digits
 * (`shot.####.exr` is `shot.0007.exr` and `shot.12345.exr`; `shot.#.exr` is `shot.7.exr`).
 */
export class FramePattern {
  readonly #folder: string;
  readonly #before: string;
  readonly #digits: number;
  readonly #after: string;

  /** @throws QuietframeError `invalid-argument` unless the file's name has exactly one run of `#`. */
  constructor(pattern: string, parameter: string) {
    const match = /^([^#]*)(#+)([^#]*)$/.exec(basename(pattern));
    if (match === null || dirname(pattern).includes('#')) {
      const range = "one run of # in the file's name, such as 'shot.####.exr'";
      throw new QuietframeError('invalid-argument', expected(range, parameter, pattern), { parameter });
    }
    this.#folder = dirname(pattern);
    this.#before = match[1] as string;
    this.#digits = (match[2] as string).length;
    this.#after = match[3] as string;
  }

  /** Path of a frame. */
  path(frame: number): string {
    return join(this.#folder, this.#before + String(frame).padStart(this.#digits, '0') + this.#after);
  }

  /**
   * Numbers of the frames that exist, ascending.
   * @throws QuietframeError `invalid-argument` when the folder cannot be read.
   */
  async frames(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((cause: unknown) => {
      const message = expected('a folder that can be read', 'the sequence', this.#folder);
      throw new QuietframeError('invalid-argument', message, {}, { cause });
    });
    return names.flatMap((name) => this.#frameOf(name) ?? []).sort((a, b) => a - b);
  }

  #frameOf(name: string): number | undefined {
    if (name.length <= this.#before.length + this.#after.length) return undefined;
    if (!name.startsWith(this.#before) || !name.endsWith(this.#after)) return undefined;
    const digits = name.slice(this.#before.length, name.length - this.#after.length);
    const frame = Number(digits);
    const isCanonical = String(frame).padStart(this.#digits, '0') === digits;
    return isCanonical && Number.isSafeInteger(frame) ? frame : undefined;
  }
}
