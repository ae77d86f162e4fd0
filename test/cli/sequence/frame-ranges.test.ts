import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chooseFrames, parseChunk } from '../../../src/cli/sequence/choose-frames.js';
import { FramePattern } from '../../../src/cli/sequence/frame-pattern.js';
import { FrameRanges } from '../../../src/cli/sequence/frame-ranges.js';

/** What Python's fileseq says: test/farms/fileseq_oracle.py. */
const GOLDEN = JSON.parse(
  readFileSync(new URL('../../golden/frames/fileseq.json', import.meta.url), 'utf8'),
) as {
  readonly ranges: Readonly<Record<string, readonly number[] | null>>;
  readonly numbers: readonly number[];
  readonly names: Readonly<Record<string, readonly string[]>>;
};

const parse = (text: string): FrameRanges => FrameRanges.parse(text, '--frames');

describe('frame ranges', () => {
  it.each(Object.entries(GOLDEN.ranges))('are those of fileseq: %s', (text, frames) => {
    if (frames === null) {
      expect(() => parse(text)).toThrow(/^Expected frames, such as .* for --frames but received/);
      return;
    }
    const ranges = parse(text);
    expect(ranges.list('--frames')).toEqual(frames);
    const around = Array.from({ length: 1300 }, (_, index) => index - 100);
    expect(around.filter((frame) => ranges.has(frame))).toEqual(frames);
  });

  it.each(['', ',', '1,,3', '1,', '1.5', '1-10#', '1 3', '9007199254740993'])('%j is refused', (text) => {
    expect(() => parse(text)).toThrow('--frames');
  });

  it('may have spaces between numbers and signs', () => {
    expect(parse(' 1 - 3, 5 ').list('--frames')).toEqual([1, 2, 3, 5]);
  });

  it('need no memory for frames that do not exist', () => {
    const ranges = parse('0-9000000000000');
    expect(ranges.has(8_999_999_999_999)).toBe(true);
    expect(ranges.without([0, 2], 3)).toEqual([1, 3, 4]);
    expect(() => ranges.list('--frames')).toThrow('at most 1000000 frames');
  });
});

describe('the names of frames', () => {
  it.each(Object.entries(GOLDEN.names))('are those of fileseq: %s', async (pattern, names) => {
    const folder = await mkdtemp(join(tmpdir(), 'quietframe-names-'));
    for (const name of names) await writeFile(join(folder, name), '');
    const shot = new FramePattern(join(folder, pattern), 'the input');
    const { frames, nearMisses } = await shot.list();
    expect(nearMisses).toEqual([]);
    expect(frames).toEqual([...GOLDEN.numbers].sort((a, b) => a - b));
    expect(GOLDEN.numbers.map((frame) => shot.path(frame))).toEqual(names.map((name) => join(folder, name)));
    await rm(folder, { recursive: true });
  });
});

describe('chunks', () => {
  const frames = [1, 2, 3, 5, 8, 9, 10];
  const chunk = (text: string, ranges?: string) =>
    chooseFrames(frames, ranges === undefined ? undefined : parse(ranges), parseChunk(text));

  it('are contiguous, and together all frames', () => {
    for (const count of [1, 2, 3, 7, 20]) {
      const parts = Array.from({ length: count }, (_, index) => chunk(`${index + 1}/${count}`).chosen);
      expect(parts.flat()).toEqual(frames);
    }
    expect(chunk('2/3').chosen).toEqual([3, 5]);
  });

  it('of ranges do not depend on the frames that exist', () => {
    expect(chunk('1/2', '1-10')).toEqual({ chosen: [1, 2, 3, 5], missing: [4], isEmptyChunk: false });
    expect(chunk('2/2', '1-10')).toEqual({ chosen: [8, 9, 10], missing: [6, 7], isEmptyChunk: false });
    expect(chunk('1/3', '1-2')).toEqual({ chosen: [], missing: [], isEmptyChunk: true });
  });

  it.each(['0/3', '4/3', '1', '1/0', 'a/b', '1/2/3', '-1/3', '1/9999999'])('%s is refused', (text) => {
    expect(() => parseChunk(text)).toThrow('--chunk');
  });
});
