import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { partialPicture } from '../../src/denoise/partial-picture.js';
import { plane, type Raster, raster } from '../../src/image/raster.js';
import { frameOf, TINY_MODELS } from './support.js';

const [WIDTH, HEIGHT] = [301, 213];
let denoiser: Denoiser;

beforeAll(async () => {
  // Little memory, so that there are several tiles.
  denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1, memoryBudgetBytes: 2 ** 22 });
});

afterAll(() => denoiser.close());

/** Pixels that are done, and whether those that are not have the noisy color. */
function stateOf(partial: Raster, noisy: Raster): { done: number; isNoisy: boolean } {
  const mask = plane(partial, 3);
  let [done, isNoisy] = [0, true];
  for (let i = 0; i < mask.length; i++) {
    if (mask[i] === 1) done++;
    else isNoisy &&= plane(partial, 1)[i] === plane(noisy, 1)[i];
  }
  return { done, isNoisy };
}

describe('a partial picture', () => {
  it.each([
    { name: 'a single frame', offsets: [] },
    { name: 'a window', offsets: [-1, 1] },
  ])('of $name fills up with tiles over the noisy color', async ({ offsets }) => {
    const frame = frameOf(WIDTH, HEIGHT);
    const neighbors = offsets.map((offset) => ({
      offset,
      frame: frameOf(WIDTH, HEIGHT, offset + 5),
      motion: raster(WIDTH, HEIGHT, 2),
    }));
    const partial = partialPicture(WIDTH, HEIGHT);
    const states: ReturnType<typeof stateOf>[] = [];
    const onProgress = (): void => void states.push(stateOf(partial, frame.color));
    const { color } = await denoiser.denoise(frame, { neighbors, partial, onProgress });
    const counts = states.map(({ done }) => done);
    expect(states.every(({ isNoisy }) => isNoisy)).toBe(true);
    expect(counts).toEqual([...counts].sort((a, b) => a - b));
    expect(new Set(counts).size).toBeGreaterThan(3);
    expect(counts.at(-1)).toBe(WIDTH * HEIGHT);
    const difference = (one: Raster, other: Raster): number =>
      other.data.reduce((sum, value, i) => sum + Math.abs(value - (one.data[i] as number)), 0);
    // Not composited yet, but no longer noisy.
    expect(difference(partial, color)).toBeLessThan(0.5 * difference(frame.color, color));
  });
});
