import { expect, it } from 'vitest';
import { copyRegion } from '../../src/image/copy-region.js';
import { raster } from '../../src/image/raster.js';

it('copies a region of the first channels to a place in another picture, and nothing else', () => {
  const from = raster(
    3,
    2,
    2,
    Float32Array.from({ length: 12 }, (_, i) => i + 1),
  );
  const to = raster(4, 3, 2);
  copyRegion(from, { x: 1, y: 0, width: 2, height: 2 }, 1, to, { x: 2, y: 1 });
  expect([...to.data]).toEqual([0, 0, 0, 0, 0, 0, 2, 3, 0, 0, 5, 6, ...new Array(12).fill(0)]);
  copyRegion(from, { x: 0, y: 1, width: 1, height: 1 }, 2, to);
  expect([to.data[0], to.data[12]]).toEqual([4, 10]);
});
