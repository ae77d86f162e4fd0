import { PNG } from 'pngjs';
import { expect, it } from 'vitest';
import { sideBySide } from '../../src/demo/side-by-side.js';
import { raster } from '../../src/image/raster.js';

it('shows pictures next to each other, with the exposure of the last', () => {
  const flat = (value: number) => raster(6, 3, 3, new Float32Array(54).fill(value));
  const { width, height, data } = PNG.sync.read(Buffer.from(sideBySide([flat(0), flat(5), flat(5)])));
  expect([width, height]).toEqual([6 * 3 + 2 * 4, 3]);
  const red = (x: number): number | undefined => data[4 * (width + x)];
  expect(red(2)).toBe(0);
  expect(red(12)).toBe(red(22));
  expect(red(12)).toBeGreaterThan(50);
});
