import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FramePattern } from '../../../src/cli/sequence/frame-pattern.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-pattern-'));
  const names = [
    'shot.0007.exr',
    'shot.0012.exr',
    'shot.12345.exr',
    'shot.7.exr',
    'shot.12.exr',
    'shot.a.exr',
  ];
  const odd = ['shot.0007.exr.bak', 'other.0001.exr', 'shot..exr', 'shot.-001.exr', '.shot.0001.exr.partial'];
  for (const name of [...names, ...odd, 'a+b(1).0003.exr']) await writeFile(join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true }));

const pattern = (name: string): FramePattern => new FramePattern(join(folder, name), 'the input');

describe('a pattern', () => {
  it.each([
    ['shot.####.exr', [7, 12, 12345]],
    ['shot.#.exr', [7, 12, 12345]],
    ['shot.##.exr', [12, 12345]],
    ['a+b(1).####.exr', [3]],
    ['####.exr', []],
  ])('%s finds its frames alone', async (name, frames) => {
    expect(await pattern(name).frames()).toEqual(frames);
  });

  it('names frames with its padding, and longer numbers whole', () => {
    expect([7, 12345].map((frame) => new FramePattern('a/b.####.exr', '').path(frame))).toEqual([
      join('a', 'b.0007.exr'),
      join('a', 'b.12345.exr'),
    ]);
  });

  it.each(['shot.exr', 'a#b#.exr', 'fol#der/shot.#.exr', '#/shot.exr'])('%s is refused', (text) => {
    expect(() => new FramePattern(text, '--output')).toThrow('one run of #');
  });

  it('of a folder that is not there is refused', async () => {
    await expect(new FramePattern('nowhere/shot.#.exr', '').frames()).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });
});
