import { expect, it } from 'vitest';
import { FrameCache } from '../../../src/files/window/frame-cache.js';
import { type WindowEntry, windowMotion } from '../../../src/files/window/window-motion.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { frameOf } from '../../denoise/support.js';

const [WIDTH, HEIGHT] = [32, 20];

function shift(x: number, y: number): Raster {
  const data = new Float32Array(2 * WIDTH * HEIGHT);
  data.fill(x, 0, WIDTH * HEIGHT).fill(y, WIDTH * HEIGHT);
  return raster(WIDTH, HEIGHT, 2, data);
}

function entry(offset: number, key = `frame ${offset}`): WindowEntry {
  const motion = { motionToPrevious: shift(-2, 1), motionToNext: shift(2, -1) };
  return { offset, name: key, key, frame: { ...frameOf(WIDTH, HEIGHT, offset), ...motion } };
}

// Frames are kept as well: a window that is asked for again has the same ones.
const center = entry(0);
const others = [-2, -1, 1, 2, 3].map((offset) => entry(offset));

it('follows a window once, and again when a frame of it is another', async () => {
  const frames = new FrameCache(2 ** 24);
  const follow = async (around: readonly WindowEntry[]) => {
    const cached = frames.begin();
    const found = await windowMotion(center, around, cached, undefined);
    cached.succeed();
    return found;
  };
  const first = await follow(others);
  expect(first.origin).toBe('vectors');
  expect(first.motions.get(3)?.data[0]).toBeCloseTo(6, 5);
  expect(first.motions.get(-2)?.data[WIDTH * HEIGHT]).toBeCloseTo(2, 5);
  const second = await follow(others);
  expect(second.warnings).toEqual(first.warnings);
  for (const { offset } of others) expect(second.motions.get(offset)).toBe(first.motions.get(offset));

  const changed = others.map((other) => (other.offset === 2 ? entry(2, 'another frame') : other));
  const third = await follow(changed);
  expect(third.motions.get(3)).not.toBe(first.motions.get(3));
  expect(third.motions.get(-2)).toBe(first.motions.get(-2));
});

it('keeps nothing of a request that failed', async () => {
  const frames = new FrameCache(2 ** 24);
  await windowMotion(center, others, frames.begin(), undefined);
  expect(frames.bytes).toBe(0);
});
