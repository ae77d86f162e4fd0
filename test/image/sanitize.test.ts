import { expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { sanitize } from '../../src/image/sanitize.js';

it('replaces NaN and infinities by the mean of their finite neighbors in the same channel', () => {
  const image = raster(3, 2, 2, Float32Array.from([1, 2, 3, 4, Number.NaN, 6, 9, 9, 9, 9, 9, 9]));
  expect(sanitize(image)).toEqual({ notFinite: 1, negative: 0 });
  expect(image.data[4]).toBeCloseTo((1 + 2 + 3 + 4 + 6) / 5, 6);
});

it('does not spread one repair into the next', () => {
  const image = raster(4, 1, 1, Float32Array.from([8, Number.NaN, Number.NEGATIVE_INFINITY, 2]));
  sanitize(image);
  expect([...image.data]).toEqual([8, 8, 2, 2]);
});

it('has 0 where nothing near is finite', () => {
  const image = raster(3, 3, 1, new Float32Array(9).fill(Number.NaN));
  expect(sanitize(image).notFinite).toBe(9);
  expect(image.data.every((value) => value === 0)).toBe(true);
});

it('counts negatives, and zeroes them only when asked to', () => {
  const values = Float32Array.from([-1, -0, 5, 1e38]);
  const kept = raster(2, 2, 1, values.slice());
  expect(sanitize(kept)).toEqual({ notFinite: 0, negative: 1 });
  expect(kept.data).toEqual(values);
  const zeroed = raster(2, 2, 1, values.slice());
  sanitize(zeroed, { zeroNegatives: true });
  expect(zeroed.data[0]).toBe(0);
});

it('fills blocks from their border inwards', () => {
  const image = raster(7, 7, 1, new Float32Array(49).fill(3));
  for (let y = 1; y < 6; y++) for (let x = 1; x < 6; x++) image.data[y * 7 + x] = Number.NaN;
  expect(sanitize(image)).toEqual({ notFinite: 25, negative: 0 });
  expect(image.data.every((value) => Math.abs(value - 3) < 1e-6)).toBe(true);
});

it('replaces samples beyond a limit', () => {
  const image = raster(3, 1, 1, Float32Array.of(1, -5, 3));
  expect(sanitize(image, { limit: 4 })).toEqual({ notFinite: 1, negative: 0 });
  expect([...image.data]).toEqual([1, 2, 3]);
});
