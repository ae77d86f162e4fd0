import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { FramePattern } from '../../../src/cli/sequence/frame-pattern.js';
import { ShotSources } from '../../../src/cli/sequence/shot-sources.js';
import { WindowFiles } from '../../../src/cli/sequence/window-files.js';
import { QuietframeError } from '../../../src/errors.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { blenderParts, exrFile } from '../../support/exr-files.js';

const pool = new ExrPool();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'quietframe-window-'));
  const passes = ['Combined.RGB', 'Denoising Albedo.RGB'];
  for (const frame of [1, 2, 3, 4, 5]) {
    const exr = exrFile(blenderParts('V', frame === 4 ? passes.slice(0, 1) : passes), () => frame);
    await writeFile(join(folder, `in.${frame}.exr`), frame === 5 ? 'no picture' : exr);
  }
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await pool.close();
});

const files = (most: number): WindowFiles => {
  const shot = { input: new FramePattern(join(folder, 'in.#.exr'), 'the input') };
  return new WindowFiles(shot, [1, 2, 3, 4, 5], {}, pool, new ShotSources(shot, pool, most));
};

it('leaves out what cannot be read or lacks a layer, but not the frame itself', async () => {
  const { window, leftOut } = await files(8).read(3, [1, 2, 3, 4, 5, 6]);
  expect(window.neighbors.map(({ offset }) => offset)).toEqual([-2, -1]);
  expect(leftOut.map(({ frame, warning }) => [frame, warning.code])).toEqual(
    [4, 5, 6].map((frame) => [frame, 'frame-left-out']),
  );
  await expect(files(8).read(6, [6])).rejects.toMatchObject({ code: 'file-system' });
});

it('reads a file once while windows slide over it', async () => {
  const read = files(8);
  const first = await read.read(2, [1, 2, 3]);
  await unlink(join(folder, 'in.1.exr'));
  const second = await read.read(1, [1, 2]);
  expect(second.window.center).toBe(first.window.neighbors[0]?.value);
  expect(second.window.neighbors.map(({ value }) => value)).toEqual([first.window.center]);
  expect(second.window.neighbors[0]?.value).toBe(first.window.center);
  const none = await files(8).read(2, [1, 2]);
  expect(none.window.neighbors).toEqual([]);
});

it('leaves a frame that turned out to be damaged out of all later windows, another one of one window', async () => {
  const read = files(8);
  read.leaveOut(2, new QuietframeError('malformed-exr', 'Expected a chunk'));
  read.leaveOut(4, new QuietframeError('mismatched-frames', 'Expected a layer'));
  const { window, leftOut } = await read.read(3, [2, 3]);
  expect(window.neighbors).toEqual([]);
  expect(leftOut[0]?.warning.message).toBe(
    `Denoised without a frame of the window: ${join(folder, 'in.2.exr')}: Expected a chunk`,
  );
  expect((await read.read(4, [4])).window.neighbors).toEqual([]);
});
