import { describe, expect, it } from 'vitest';
import { fastestSimd, type Simd } from '../../src/engine/wasm-build.js';
import { type Raster, raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/tile.js';
import { WindowFeatures } from '../../src/kpcn/window-features.js';

const BUILDS: Simd[] = fastestSimd() === 'relaxed' ? ['plain', 'relaxed'] : ['plain'];
const [WIDTH, HEIGHT, CHANNELS] = [23, 14, 3];

/** A value for every place that is linear in x and y, so that bilinear fetches are exact between cells. */
function ramp(width = WIDTH, height = HEIGHT): Raster {
  const features = raster(width, height, CHANNELS);
  for (let i = 0; i < features.data.length; i++) {
    const c = Math.floor(i / (width * height));
    features.data[i] = 100 * c + (i % width) + 0.25 * (Math.floor(i / width) % height);
  }
  return features;
}

function motionOf(
  of: (x: number, y: number) => readonly [number, number],
  width = WIDTH,
  height = HEIGHT,
): Raster {
  const motion = raster(width, height, 2);
  for (let i = 0; i < width * height; i++) {
    const [x, y] = of(i % width, Math.floor(i / width));
    motion.data[i] = x;
    motion.data[width * height + i] = y;
  }
  return motion;
}

describe.each(BUILDS)('WindowFeatures, %s SIMD', (simd) => {
  const area: Tile = { x: 2, y: 1, width: 19, height: 11 };
  const size = area.width * area.height;

  it.each<[string, (x: number, y: number) => readonly [number, number]]>([
    ['stands still', () => [0, 0]],
    ['moves by whole cells, partly out of the frame', () => [5, -3]],
    ['moves in between', () => [-1.375, 2.25]],
    ['zooms', (x, y) => [0.3 * (x - 11), -0.2 * (y - 7)]],
    ['is different everywhere', (x, y) => [((x * 7 + y * 3) % 19) - x, ((x * 5 + y) % 11) - y + 0.5]],
    ['reaches the very border', (x, y) => [WIDTH - 1 - x, HEIGHT - 1 - y]],
    ['is not known in places', (x) => [x % 3 === 0 ? Number.NaN : 1, 0]],
  ])('fetches what is seen where it %s', (_, of) => {
    const motion = motionOf(of);
    const features = ramp();
    const center = raster(
      WIDTH,
      HEIGHT,
      CHANNELS,
      features.data.map((value) => -value),
    );
    const { data, shape } = new WindowFeatures(simd).gather(
      center,
      [{ slot: 4, spatial: features, motion }],
      area,
    );
    expect(shape).toEqual([1, 7 * CHANNELS + 6, area.height, area.width]);
    for (let i = 0; i < size; i++) {
      const [x, y] = [area.x + (i % area.width), area.y + Math.floor(i / area.width)];
      const [u, v] = of(x, y);
      const inside = x + u >= 0 && x + u <= WIDTH - 1 && y + v >= 0 && y + v <= HEIGHT - 1;
      for (let c = 0; c < CHANNELS; c++) {
        const wanted = inside ? 100 * c + x + u + 0.25 * (y + v) : 0;
        // Slot 4 comes after three others and the centre.
        expect(data[(5 * CHANNELS + c) * size + i]).toBeCloseTo(wanted, 4);
        expect(data[(3 * CHANNELS + c) * size + i]).toBe(-(100 * c + x + 0.25 * y));
        expect(data[c * size + i]).toBe(0);
      }
      expect(data[(7 * CHANNELS + 4) * size + i]).toBe(inside ? 1 : 0);
      expect(data[7 * CHANNELS * size + i]).toBe(0);
    }
  });

  it.each([
    [1, 1],
    [1, 5],
    [6, 1],
  ])('fetches from frames of %i x %i cells', (width, height) => {
    const features = ramp(width, height);
    const motion = motionOf(() => [0, 0], width, height);
    const whole = { x: 0, y: 0, width, height };
    const { data } = new WindowFeatures(simd).gather(
      features,
      [{ slot: 0, spatial: features, motion }],
      whole,
    );
    expect(data.slice(0, features.data.length)).toEqual(features.data);
  });
});
