import { expected, QuietframeError } from '../../errors.js';

/** Frames that a list is made of, at most: eleven hours of film. */
const MOST_LISTED = 1_000_000;
const RANGE = /^(-?\d+)(?:\s*-\s*(-?\d+)(?:([xy:])(-?\d+))?)?$/;

/** `first-last`, every `step`-th frame from the first on, or with `inverse` all others. */
interface Range {
  readonly first: number;
  readonly last: number;
  readonly step: number;
  readonly inverse: boolean;
}

/**
 * A set of frames as farms write it: `3`, `1-7`, `1-7x3` (1, 4, 7), `1-7y3` (the others), `1-100:10` (all of them, which farms
 * start in another order), and several with commas between. Numbers may be below 0 (`-3--1`) and descend (`7-1x3`).
 * The notation is the one of OpenCue and of Python's fileseq.
 */
export class FrameRanges {
  /** As it was given. */
  readonly text: string;
  readonly #ranges: readonly Range[];

  private constructor(text: string, ranges: readonly Range[]) {
    this.text = text;
    this.#ranges = ranges;
  }

  /** @throws QuietframeError `invalid-argument` for another notation, or where it has no frame. */
  static parse(text: string, parameter: string): FrameRanges {
    const ranges = text.split(',').map((part) => parseRange(part.trim()));
    const known = ranges.filter((range) => range !== undefined);
    const found = new FrameRanges(text, known);
    if (known.length === ranges.length && !found[Symbol.iterator]().next().done) return found;
    const range = 'frames, such as 3, 1001-1010, 1-7x3 or 1,3,-2--1,';
    throw new QuietframeError('invalid-argument', expected(range, parameter, text), { parameter });
  }

  has(frame: number): boolean {
    return this.#ranges.some((range) => isIn(frame, range));
  }

  /** The frames as they are written; those of two ranges come twice. */
  *[Symbol.iterator](): Generator<number> {
    for (const { first, last, step, inverse } of this.#ranges) {
      // Every first frame is left out: all are.
      if (inverse && step === 1) continue;
      const direction = first <= last ? 1 : -1;
      const stride = inverse ? 1 : step;
      for (let count = 0; count <= Math.abs(last - first); count += stride) {
        if (!inverse || count % step !== 0) yield first + direction * count;
      }
    }
  }

  /**
   * Each frame once, ascending.
   * @throws QuietframeError `invalid-argument` for more than a million.
   */
  list(parameter: string): number[] {
    const frames = new Set<number>();
    for (const frame of this) {
      frames.add(frame);
      if (frames.size > MOST_LISTED) {
        const range = `at most ${MOST_LISTED} frames`;
        throw new QuietframeError('invalid-argument', expected(range, parameter, this.text), { parameter });
      }
    }
    return [...frames].sort((a, b) => a - b);
  }

  /** Frames that are not among others, ascending, but no more than a number of them. */
  without(others: readonly number[], most: number): number[] {
    const known = new Set(others);
    const missing = new Set<number>();
    for (const frame of this) {
      if (missing.size === most) break;
      if (!known.has(frame)) missing.add(frame);
    }
    return [...missing].sort((a, b) => a - b);
  }
}

function parseRange(text: string): Range | undefined {
  const match = RANGE.exec(text);
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = Number(match[2] ?? match[1]);
  const step = Number(match[4] ?? 1);
  if (![first, last, step].every(Number.isSafeInteger) || step === 0) return undefined;
  // A step below 0 is for ranges that descend.
  if (step < 0 && first < last) return undefined;
  return { first, last, step: match[3] === ':' ? 1 : Math.abs(step), inverse: match[3] === 'y' };
}

function isIn(frame: number, { first, last, step, inverse }: Range): boolean {
  if (frame < Math.min(first, last) || frame > Math.max(first, last)) return false;
  return (Math.abs(frame - first) % step === 0) !== inverse;
}
