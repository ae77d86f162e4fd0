import { describe, expect, it } from 'vitest';
import { flicker } from '../../src/image/metrics.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { warp } from '../../src/image/warp.js';

const WIDTH = 9;
const HEIGHT = 5;

function picture(value: (x: number, y: number, c: number) => number, channels = 3): Raster {
  const result = raster(WIDTH, HEIGHT, channels);
  for (let i = 0; i < result.data.length; i++) {
    const pixel = i % (WIDTH * HEIGHT);
    result.data[i] = value(pixel % WIDTH, Math.floor(pixel / WIDTH), (i - pixel) / (WIDTH * HEIGHT));
  }
  return result;
}
const offsets = (x: number, y: number): Raster => picture((_x, _y, c) => (c === 0 ? x : y), 2);
const waves = picture((x, y, c) => Math.sin(x * 1.7 + y * y + c));

describe('warp', () => {
  it('does nothing without motion', () => {
    const { warped, inside } = warp(waves, offsets(0, 0));
    expect(warped.data).toEqual(waves.data);
    expect(inside.every((pixel) => pixel === 1)).toBe(true);
  });

  it('fetches from where the offset points, y down, and marks what is outside', () => {
    const { warped, inside } = warp(waves, offsets(2, -1));
    for (let y = 0; y < HEIGHT; y++) {
      for (let x = 0; x < WIDTH; x++) {
        const seen = x + 2 < WIDTH && y - 1 >= 0;
        expect(inside[y * WIDTH + x]).toBe(seen ? 1 : 0);
        expect(warped.data[y * WIDTH + x]).toBe(seen ? waves.data[(y - 1) * WIDTH + x + 2] : 0);
      }
    }
  });

  it('is exact between pixels for what is linear', () => {
    const plane = picture((x, y) => 3 * x - 2 * y);
    const { warped, inside } = warp(plane, offsets(0.25, 0.5));
    for (let i = 0; i < inside.length; i++) {
      if (inside[i] === 1) expect(warped.data[i]).toBeCloseTo((plane.data[i] as number) + 0.75 - 1, 5);
    }
    expect(inside[0]).toBe(1);
  });

  it('takes offsets that are no numbers for outside', () => {
    expect(warp(waves, offsets(Number.NaN, 0)).inside.every((pixel) => pixel === 0)).toBe(true);
  });

  it('refuses other sizes', () => {
    expect(() => warp(waves, raster(WIDTH, HEIGHT, 3))).toThrow('2 channels');
    expect(() => warp(waves, raster(WIDTH + 1, HEIGHT, 2))).toThrow(`${WIDTH + 1} x ${HEIGHT}`);
  });
});

describe('flicker', () => {
  it('is the mean difference of pictures that stand still', () => {
    const shifted = picture((x, y, c) => (waves.data[c * WIDTH * HEIGHT + y * WIDTH + x] as number) + 0.25);
    expect(flicker(shifted, waves)).toBeCloseTo(0.25, 6);
    expect(flicker(waves, waves)).toBe(0);
  });

  it('is 0 for a picture that moves as the offsets tell, and not without them', () => {
    const moved = picture((x, y, c) => Math.sin((x - 2) * 1.7 + y * y + c));
    expect(flicker(moved, waves, offsets(-2, 0))).toBeCloseTo(0, 6);
    expect(flicker(moved, waves)).toBeGreaterThan(0.1);
  });

  it('is 0 where nothing was seen before, and refuses other sizes', () => {
    expect(flicker(waves, waves, offsets(100, 0))).toBe(0);
    expect(() => flicker(waves, raster(WIDTH, HEIGHT, 1))).toThrow('3 channels');
  });
});
