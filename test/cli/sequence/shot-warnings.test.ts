import { describe, expect, it } from 'vitest';
import { shotWarnings, textOfFrames, textOfWarning } from '../../../src/cli/sequence/shot-warnings.js';

const found = (frame: number, message: string, layer?: string) => ({
  frame,
  warning: { code: 'not-finite' as const, message, ...(layer && { layer }) },
});

describe('warnings of a shot', () => {
  it('are one where they differ by figures or by the length of a list of names', () => {
    const warnings = shotWarnings([
      found(3, '12 samples are NaN'),
      found(2, '1.5e-3 samples are NaN'),
      found(3, '12 samples are NaN'),
      found(1, 'no way to s.0002.exr'),
      found(2, 'no way to s.0001.exr, s.0003.exr'),
    ]);
    expect(warnings.map(({ message, frames, varies }) => [message, frames, varies])).toEqual([
      ['no way to s.0002.exr', [1, 2], true],
      ['1.5e-3 samples are NaN', [2, 3], true],
    ]);
  });

  it('are several where words or layers differ', () => {
    const warnings = shotWarnings([
      found(1, 'fits better with the opposite sign'),
      found(2, 'fits better with y in the other direction'),
      found(3, 'fits better with the opposite sign', 'motion'),
    ]);
    expect(warnings.map(({ frames, varies }) => [frames, varies])).toEqual([
      [[1], false],
      [[2], false],
      [[3], false],
    ]);
  });

  it('keep frames that are left out apart, for their names are figures', () => {
    const leftOut = (frame: number, file: string) => ({
      frame,
      warning: { code: 'frame-left-out' as const, message: `without ${file}` },
    });
    const warnings = shotWarnings([
      leftOut(2, 's.0003.exr'),
      leftOut(4, 's.0003.exr'),
      leftOut(6, 's.0007.exr'),
    ]);
    expect(warnings.map(({ frames }) => frames)).toEqual([[2, 4], [6]]);
  });

  it('read as a sentence', () => {
    const [warning] = shotWarnings([found(-2, '1 sample'), found(-1, '2 sample'), found(3, '1 sample')]);
    expect(warning && textOfWarning(warning)).toBe(
      'warning not-finite: frames -2 to -1, 3: 1 sample (figures of frame -2)',
    );
    expect(textOfFrames([7])).toBe('7');
  });
});
