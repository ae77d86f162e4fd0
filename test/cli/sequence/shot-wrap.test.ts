import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { FramePattern } from '../../../src/cli/sequence/frame-pattern.js';
import { type Sequence, sourcesOf } from '../../../src/cli/sequence/run-sequence.js';
import { warningsOf } from '../../../src/cli/sequence/shot-report.js';
import { withShotWrap } from '../../../src/cli/sequence/shot-wrap.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { exrFile } from '../../support/exr-files.js';
import { scatter } from '../../support/random.js';

const pool = new ExrPool({ workers: 1 });
const folder = await mkdtemp(join(tmpdir(), 'quietframe-shot-wrap-'));
afterAll(() => Promise.all([pool.close(), rm(folder, { recursive: true })]));
const [WIDTH, HEIGHT] = [192, 96];
const never = new AbortController().signal;

type Picture = (longitude: number, latitude: number) => number;
const walls = (longitude: number): number =>
  Math.cos(longitude + 0.4) + 0.7 * Math.sin(2 * longitude) + Math.cos(3 * longitude);
const panorama: Picture = (longitude, latitude) =>
  1 + 0.8 * Math.tanh(walls(longitude) * Math.cos(latitude) ** 2) + 0.1 * Math.sin(latitude);
/** Borders that match, and poles that vary. */
const doubtful: Picture = (longitude, latitude) =>
  1.2 + 0.5 * Math.tanh(walls(longitude)) + 0.4 * Math.sin(latitude);
const ramp: Picture = (longitude) => 0.1 + longitude;

const decided = (shot: Sequence): Promise<Sequence> =>
  withShotWrap(shot, sourcesOf(shot, pool, 1), pool, never);

const render = (picture: Picture): Uint8Array =>
  exrFile([{ window: { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 }, layers: ['RGB'] }], (_, i) => {
    const latitude = (Math.PI * (Math.floor(i / WIDTH) + 0.5)) / HEIGHT - Math.PI / 2;
    return picture((2 * Math.PI * (i % WIDTH)) / WIDTH, latitude) * (0.5 + scatter(i * 12.9898));
  });

async function shotOf(name: string, files: readonly Uint8Array[], wrap: 'auto' | 'x' = 'auto') {
  for (const [i, bytes] of files.entries()) await writeFile(join(folder, `${name}.${i}.exr`), bytes);
  const frames = files.map((_, i) => i);
  const input = new FramePattern(join(folder, `${name}.#.exr`), 'the input');
  return { input, output: input, frames, chosen: frames.slice(1), window: 3, request: { wrap } };
}

it.each([
  ['a panorama', [panorama, ramp], 'x'],
  ['a picture with borders', [ramp, panorama], 'none'],
])(
  'wraps all frames of a shot as its first one, %s, whichever are denoised',
  async (name, pictures, wrap) => {
    const shot = await shotOf(name.replaceAll(' ', '-'), pictures.map(render));
    expect((await decided(shot)).request.wrap).toBe(wrap);
  },
);

it('warns of a doubtful first frame once', async () => {
  const chosen = await decided(await shotOf('doubt', [render(doubtful)]));
  expect(chosen.request.wrap).toBe('none');
  expect(warningsOf(chosen, [])).toMatchObject([{ code: 'panorama', frames: [0] }]);
});

it('skips damaged frames, and leaves a choice of the caller', async () => {
  const damaged = await shotOf('damaged', [Buffer.from('junk'), render(panorama)]);
  expect((await decided(damaged)).request.wrap).toBe('x');
  const given = await shotOf('given', [render(ramp)], 'x');
  expect((await decided(given)).request.wrap).toBe('x');
});
