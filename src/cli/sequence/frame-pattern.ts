import { readdir } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { expected, QuietframeError } from '../../errors.js';

/** What a folder holds of a sequence. */
interface Listing {
  /** Numbers of the frames that exist, in the order of time. */
  readonly frames: readonly number[];
  /** Names that differ from the pattern by padding, case, separator or suffix: these files are no frames. */
  readonly nearMisses: readonly string[];
}

/** More digits than any number of a frame has. */
const MOST_DIGITS = 16;

/**
 * What stands for the number of a frame, and its least digits: undefined where any will do. The first kind that a name has is
 * read, so that the others may be words of it.
 */
const PLACEHOLDERS: readonly (readonly [RegExp, (found: RegExpExecArray) => number | undefined])[] = [
  [/#+/g, ([run]) => run.length],
  [/%(\d*)d/g, ([, digits]) => Number(digits) || 1],
  [/\$F(\d*)(?![A-Za-z_])/g, ([, digits]) => Number(digits) || 1],
  [/@+/g, ([run]) => run.length],
  [/\*/g, () => undefined],
];

/**
 * Paths of a numbered sequence. In the file's name `####`, `%04d`, `$F4` or `@@@@` stands for the frame number with at least as
 * many digits (`shot.####.exr` is `shot.0007.exr` and `shot.12345.exr`; `shot.%d.exr` is `shot.7.exr`), `*` for any number of
 * them. Frames before 0 have a minus sign, which counts as a digit (`shot.-007.exr`, as printf pads) or does not
 * (`shot.-0007.exr`).
 */
export class FramePattern {
  readonly #folder: string;
  readonly #before: string;
  readonly #digits: number | undefined;
  readonly #after: string;
  /** Names of the frames that can have several. */
  readonly #found = new Map<number, string>();

  /** @throws QuietframeError `invalid-argument` unless the file's name has exactly one placeholder. */
  constructor(pattern: string, parameter: string) {
    const placeholder = findPlaceholder(basename(pattern));
    if (placeholder === undefined || dirname(pattern).includes('#')) {
      const range = "one frame number in the file's name, such as 'shot.####.exr' or 'shot.%04d.exr',";
      throw new QuietframeError('invalid-argument', expected(range, parameter, pattern), { parameter });
    }
    this.#folder = dirname(pattern);
    this.#before = placeholder.before;
    this.#digits = placeholder.digits;
    this.#after = placeholder.after;
  }

  /** Whether a path has a placeholder. */
  static isPattern(path: string): boolean {
    return findPlaceholder(basename(path)) !== undefined;
  }

  /** Whether files that do not exist have no certain name. */
  get isWildcard(): boolean {
    return this.#digits === undefined;
  }

  /** Path of a frame: of a file that {@link list} found, or else with all digits after the sign. */
  path(frame: number): string {
    return join(this.#folder, this.#found.get(frame) ?? this.#nameOf(frame, this.#digits ?? 1));
  }

  /** As {@link list}, the frames alone. */
  async frames(): Promise<readonly number[]> {
    return (await this.list()).frames;
  }

  /**
   * Looks for the frames that exist, in numerical order.
   * @param others patterns of other files in the folder, which are no near misses.
   * @throws QuietframeError `file-system` when the folder cannot be read.
   */
  async list(...others: readonly FramePattern[]): Promise<Listing> {
    const names = await readdir(this.#folder).catch((cause: unknown) => {
      const message = expected('a folder that can be read', 'the sequence', this.#folder);
      throw new QuietframeError('file-system', message, {}, { cause });
    });
    const frames = new Set<number>();
    const nearMisses: string[] = [];
    const looksAlike = this.#resemblance();
    this.#found.clear();
    // Where a frame is there in several paddings, the one with most digits sorts first.
    for (const name of names.sort((a, b) => b.length - a.length || (a < b ? -1 : 1))) {
      const frame = this.#frameOf(name);
      if (frame !== undefined && !frames.has(frame)) {
        frames.add(frame);
        if (frame < 0 || this.isWildcard) this.#found.set(frame, name);
      } else if (looksAlike.test(name) && !others.some((other) => other.#frameOf(name) !== undefined)) {
        nearMisses.push(name);
      }
    }
    return { frames: [...frames].sort((a, b) => a - b), nearMisses: nearMisses.sort() };
  }

  #nameOf(frame: number, digits: number): string {
    const number = String(Math.abs(frame)).padStart(digits, '0');
    return `${this.#before}${frame < 0 ? '-' : ''}${number}${this.#after}`;
  }

  #frameOf(name: string): number | undefined {
    if (name.length <= this.#before.length + this.#after.length) return undefined;
    if (!name.startsWith(this.#before) || !name.endsWith(this.#after)) return undefined;
    const digits = name.slice(this.#before.length, name.length - this.#after.length);
    const frame = /^-?\d+$/.test(digits) ? Number(digits) : Number.NaN;
    if (!Number.isSafeInteger(frame) || Object.is(frame, -0)) return undefined;
    if (this.#digits === undefined) return frame;
    const isPadded = name === this.#nameOf(frame, this.#digits);
    return isPadded || (frame < 0 && name === this.#nameOf(frame, this.#digits - 1)) ? frame : undefined;
  }

  /** The same words around a number, whatever their case, the separator before it, and what follows the suffix. */
  #resemblance(): RegExp {
    const literal = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
    const stem = this.#before.replace(/[-._ ]$/, '');
    const separator = stem === '' ? '' : '[-._ ]?';
    const suffix = extname(`_${this.#after}`);
    const end = suffix === '' ? '$' : `.*${literal(suffix)}`;
    return new RegExp(`^${literal(stem)}${separator}-?\\d+${end}`, 'i');
  }
}

function findPlaceholder(
  name: string,
): { readonly before: string; readonly digits: number | undefined; readonly after: string } | undefined {
  for (const [words, digitsOf] of PLACEHOLDERS) {
    const found = [...name.matchAll(words)];
    const [only] = found;
    if (only === undefined) continue;
    const digits = digitsOf(only);
    if (found.length > 1 || (digits ?? 1) > MOST_DIGITS) return undefined;
    return { before: name.slice(0, only.index), digits, after: name.slice(only.index + only[0].length) };
  }
  return undefined;
}
