import { expect, it } from 'vitest';
import { findNegativeOutliers, replacePixels } from '../../src/image/negative-outliers.js';
import { raster } from '../../src/image/raster.js';

it('finds pixels far below zero in any channel, and replaces all their channels', () => {
  const image = raster(5, 5, 3, new Float32Array(75).fill(0.5));
  image.data[25 + 12] = -50;
  expect(findNegativeOutliers(image)).toEqual([12]);
  replacePixels(image, [12]);
  expect(image.data.every((value) => value === 0.5)).toBe(true);
});

it('keeps negative lobes of pixel filters, and regions below zero', () => {
  const image = raster(5, 5, 1, new Float32Array(25).fill(0));
  image.data[12] = 100;
  for (const at of [6, 7, 8, 11, 13, 16, 17, 18]) image.data[at] = -9;
  expect(findNegativeOutliers(image)).toEqual([]);
  expect(findNegativeOutliers(raster(5, 5, 1, new Float32Array(25).fill(-50)))).toEqual([]);
});

it('replaces neighbors that are both outliers by what is around them', () => {
  const image = raster(4, 1, 1, Float32Array.of(1, -50, -60, 2));
  replacePixels(image, [1, 2]);
  expect([...image.data]).toEqual([1, 1, 2, 2]);
});
