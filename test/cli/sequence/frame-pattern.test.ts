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
  const negative = ['shot.-0001.exr', 'shot.-012.exr', 'shot.-10.exr'];
  const odd = [
    'shot.0007.exr.bak',
    'other.0001.exr',
    'shot..exr',
    'shot.-0000.exr',
    '.shot.0001.exr.partial',
  ];
  for (const name of [...names, ...negative, ...odd, 'a+b(1).0003.exr'])
    await writeFile(join(folder, name), '');
});
afterAll(() => rm(folder, { recursive: true }));

const pattern = (name: string): FramePattern => new FramePattern(join(folder, name), 'the input');

describe('a pattern', () => {
  it.each([
    ['shot.####.exr', [-12, -1, 7, 12, 12345]],
    ['shot.#.exr', [-10, 7, 12, 12345]],
    ['shot.##.exr', [-10, 12, 12345]],
    ['a+b(1).####.exr', [3]],
    ['####.exr', []],
    ['shot.%04d.exr', [-12, -1, 7, 12, 12345]],
    ['shot.$F4.exr', [-12, -1, 7, 12, 12345]],
    ['shot.@@@@.exr', [-12, -1, 7, 12, 12345]],
    ['shot.%d.exr', [-10, 7, 12, 12345]],
    ['shot.*.exr', [-12, -10, -1, 7, 12, 12345]],
  ])('%s finds its frames alone', async (name, frames) => {
    expect(await pattern(name).frames()).toEqual(frames);
  });

  it('finds frames below 0 where they are, in either padding, and names others with all digits', async () => {
    const shot = pattern('shot.####.exr');
    await shot.frames();
    expect([-12, -1, -2].map((frame) => shot.path(frame))).toEqual(
      ['shot.-012.exr', 'shot.-0001.exr', 'shot.-0002.exr'].map((name) => join(folder, name)),
    );
  });

  it('takes one file for a frame below 0 that is there in both paddings, and tells the other', async () => {
    const twice = await mkdtemp(join(tmpdir(), 'quietframe-pattern-'));
    for (const name of ['s.-001.exr', 's.-0001.exr']) await writeFile(join(twice, name), '');
    const shot = new FramePattern(join(twice, 's.####.exr'), 'the input');
    expect(await shot.list()).toEqual({ frames: [-1], nearMisses: ['s.-001.exr'] });
    expect(shot.path(-1)).toBe(join(twice, 's.-0001.exr'));
    await rm(twice, { recursive: true });
  });

  it('tells names that it almost matches, but not those of other patterns', async () => {
    const near = await mkdtemp(join(tmpdir(), 'quietframe-pattern-'));
    const almost = [
      ...['S.0001.exr', 's.0001.EXR', 's.001.exr', 's.00001.exr', 's.-0000.exr', 's.0002.exr.bak'],
      ...['s.0003 (1).exr', 's.0004_v2.exr', 's_0005.exr', 's0006.exr', 's.99999999999999999999.exr'],
    ];
    const others = [
      's.0001.png',
      't.0001.exr',
      's.diffuse.0001.exr',
      's.exr',
      's.0001_clean.exr',
      '.s.0001.exr',
    ];
    for (const name of [...almost, ...others, 's.0007.exr']) await writeFile(join(near, name), '');
    const clean = new FramePattern(join(near, 's.####_clean.exr'), '--output');
    const { frames, nearMisses } = await new FramePattern(join(near, 's.####.exr'), 'the input').list(clean);
    expect(frames).toEqual([7]);
    expect(nearMisses).toEqual(almost.sort());
    await rm(near, { recursive: true });
  });

  it('names frames with its padding, and longer numbers whole', () => {
    expect([7, 12345].map((frame) => new FramePattern('a/b.####.exr', '').path(frame))).toEqual([
      join('a', 'b.0007.exr'),
      join('a', 'b.12345.exr'),
    ]);
  });

  it('with * takes the longest name of a number, and tells the others', async () => {
    const shot = pattern('shot.*.exr');
    const { nearMisses } = await shot.list();
    expect([7, 12, -1].map((frame) => shot.path(frame))).toEqual(
      ['shot.0007.exr', 'shot.0012.exr', 'shot.-0001.exr'].map((name) => join(folder, name)),
    );
    expect(nearMisses).toEqual(expect.arrayContaining(['shot.7.exr', 'shot.12.exr']));
  });

  it.each([
    ['a@b.####.exr', 'a@b.0007.exr'],
    ['80%done.#.exr', '80%done.7.exr'],
    ['$FF.%04d.exr', '$FF.0007.exr'],
    ['a*b.@@.exr', 'a*b.07.exr'],
  ])('%s has other signs as words', (text, name) => {
    expect(new FramePattern(text, '').path(7)).toBe(name);
  });

  it.each([
    ...['shot.exr', 'a#b#.exr', 'fol#der/shot.#.exr', '#/shot.exr', '%04d.%04d.exr', 'a.$F4.$F.exr'],
    ...['*.*.exr', 'a.$FF.exr', 'a.%s.exr', 'a.%999999999d.exr'],
  ])('%s is refused', (text) => {
    expect(() => new FramePattern(text, '--output')).toThrow("one frame number in the file's name");
  });

  it('of a folder that is not there is refused', async () => {
    await expect(new FramePattern('nowhere/shot.#.exr', '').frames()).rejects.toMatchObject({
      code: 'file-system',
    });
  });
});
