import { invalidArgument } from '../../errors.js';
import { parseInteger } from '../options.js';
import { FrameRanges } from './frame-ranges.js';

/** Missing frames that are counted; a range may reach far beyond the shot. */
const MOST_MISSING = 1000;

/** One of several parts of a shot. */
export interface Chunk {
  /** From 0 on. */
  readonly index: number;
  readonly count: number;
  /** As it was given. */
  readonly text: string;
}

/** Frames of a shot that a command line asks for. */
export interface ChosenFrames {
  /** Those that exist, ascending. */
  readonly chosen: readonly number[];
  /** Those that do not, ascending, up to a thousand. */
  readonly missing: readonly number[];
  /** Whether the chunk has no frame, because there are more chunks than frames. */
  readonly isEmptyChunk: boolean;
}

/**
 * Chooses frames by number and chunk. Chunks of `ranges` do not depend on the files that exist, so that several processes agree
 * on them while frames are still being rendered.
 * @param frames that exist, ascending.
 * @throws QuietframeError `invalid-argument` for chunks of more than a million frames.
 */
export function chooseFrames(
  frames: readonly number[],
  ranges: FrameRanges | undefined,
  chunk: Chunk | undefined,
): ChosenFrames {
  if (chunk === undefined) {
    return {
      chosen: ranges === undefined ? frames : frames.filter((frame) => ranges.has(frame)),
      missing: ranges === undefined ? [] : ranges.without(frames, MOST_MISSING),
      isEmptyChunk: false,
    };
  }
  const all = ranges === undefined ? frames : ranges.list('--frames');
  const edge = (index: number): number => Math.floor((index * all.length) / chunk.count);
  const part = new Set(all.slice(edge(chunk.index), edge(chunk.index + 1)));
  const exists = new Set(frames);
  return {
    chosen: frames.filter((frame) => part.has(frame)),
    missing: [...part].filter((frame) => !exists.has(frame)).slice(0, MOST_MISSING),
    isEmptyChunk: part.size === 0,
  };
}

/** @throws QuietframeError `invalid-argument`. */
export function parseFrames(text: string): FrameRanges {
  return FrameRanges.parse(text, '--frames');
}

/** @throws QuietframeError `invalid-argument`. */
export function parseChunk(text: string): Chunk {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  if (match === null) throw invalidArgument('number/count, such as 1/4,', '--chunk', text);
  const count = parseInteger(match[2] as string, '--chunk', 1, 1_000_000);
  const index = parseInteger(match[1] as string, '--chunk', 1, count) - 1;
  return { index, count, text };
}
