import { expect, it } from 'vitest';
import { FrameCache } from '../../../src/files/window/frame-cache.js';
import type { LoadedFrame } from '../../../src/files/window/load-frame.js';
import { windowMotion } from '../../../src/files/window/window-motion.js';
import type { FrameWindow } from '../../../src/frame/frame-window.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { frameOf } from '../../denoise/support.js';

const [WIDTH, HEIGHT] = [32, 20];

function shift(x: number, y: number): Raster {
  const data = new Float32Array(2 * WIDTH * HEIGHT);
  data.fill(x, 0, WIDTH * HEIGHT).fill(y, WIDTH * HEIGHT);
  return raster(WIDTH, HEIGHT, 2, data);
}

function frameAt(offset: number, key = `frame ${offset}`): LoadedFrame {
  const motion = { motionToPrevious: shift(-2, 1), motionToNext: shift(2, -1) };
  const frame = { ...frameOf(WIDTH, HEIGHT, offset), ...motion };
  const built = { frame, lights: new Map(), bright: { lights: new Map() }, warnings: [], sanitized: {} };
  return { name: key, key, built };
}

// Frames are kept as well: a window that is asked for again has the same ones.
const center = frameAt(0);
const neighbors = [-2, -1, 1, 2, 3].map((offset) => ({ offset, value: frameAt(offset) }));

it('follows a window once, and again when a frame of it is another', async () => {
  const frames = new FrameCache(2 ** 24);
  const follow = async (window: FrameWindow<LoadedFrame>) => {
    const cached = frames.begin();
    const found = await windowMotion(window, cached, undefined);
    cached.succeed();
    return found;
  };
  const first = await follow({ center, neighbors });
  expect(first.origin).toBe('vectors');
  expect(first.motions.get(3)?.data[0]).toBeCloseTo(6, 5);
  expect(first.motions.get(-2)?.data[WIDTH * HEIGHT]).toBeCloseTo(2, 5);
  const second = await follow({ center, neighbors });
  expect(second.warnings).toEqual(first.warnings);
  for (const { offset } of neighbors) expect(second.motions.get(offset)).toBe(first.motions.get(offset));

  const changed = neighbors.map((neighbor) =>
    neighbor.offset === 2 ? { offset: 2, value: frameAt(2, 'another frame') } : neighbor,
  );
  const third = await follow({ center, neighbors: changed });
  expect(third.motions.get(3)).not.toBe(first.motions.get(3));
  expect(third.motions.get(-2)).toBe(first.motions.get(-2));
});

it('keeps nothing of a request that failed', async () => {
  const frames = new FrameCache(2 ** 24);
  await windowMotion({ center, neighbors }, frames.begin(), undefined);
  expect(frames.bytes).toBe(0);
});
