import { describe, expect, it } from 'vitest';
import { plane, raster } from '../../src/image/raster.js';
import { detectFireflies, dimmed } from '../../src/kpcn/fireflies.js';

const SIZE = 24;
const MIDDLE = 12 * SIZE + 12;

/** A grey picture of little noise with bright pixels in which all light is noise. */
function picture(bright: readonly number[]) {
  const color = raster(SIZE, SIZE, 3);
  const variance = raster(SIZE, SIZE, 1);
  color.data.fill(0.2);
  variance.data.fill(1e-4);
  for (const i of bright) {
    for (let c = 0; c < 3; c++) plane(color, c)[i] = 50;
    variance.data[i] = 50 ** 2;
  }
  return { color, variance };
}

describe('fireflies', () => {
  it('are dimmed to their surroundings, in every layer of light and in the variance', () => {
    const { color, variance } = picture([MIDDLE]);
    const fireflies = detectFireflies(color, variance);
    expect(fireflies.map(({ index }) => index)).toEqual([MIDDLE]);
    expect(plane(dimmed(color, fireflies), 1)[MIDDLE]).toBeCloseTo(0.2, 6);
    expect(dimmed(variance, fireflies, 2).data[MIDDLE]).toBeCloseTo(0.2 ** 2, 6);
    const expected = color.data.slice();
    for (let c = 0; c < 3; c++)
      expected[c * SIZE * SIZE + MIDDLE] = dimmed(color, fireflies).data[MIDDLE] ?? 0;
    expect(dimmed(color, fireflies).data).toEqual(expected);
  });

  it('at the border and in the corner are found too', () => {
    for (const i of [0, SIZE - 1, 5 * SIZE, SIZE * SIZE - 1]) {
      const { color, variance } = picture([i]);
      expect(detectFireflies(color, variance).map(({ index }) => index)).toEqual([i]);
    }
  });

  it('that are certain are lamps', () => {
    const { color, variance } = picture([MIDDLE]);
    variance.data[MIDDLE] = 1;
    expect(detectFireflies(color, variance)).toEqual([]);
  });

  it('that touch are a lamp, and many are the light of the scene', () => {
    const pair = picture([MIDDLE, MIDDLE + 1, MIDDLE + SIZE]);
    expect(detectFireflies(pair.color, pair.variance)).toEqual([]);
    const many = picture(Array.from({ length: 36 }, (_, i) => Math.floor(i / 6) * 4 * SIZE + (i % 6) * 4));
    expect(detectFireflies(many.color, many.variance)).toEqual([]);
  });

  it('are not told apart in pictures that are too small', () => {
    for (const [width, height] of [
      [1, 1],
      [10, 40],
      [40, 10],
    ] as const) {
      const [color, variance] = [raster(width, height, 3), raster(width, height, 1)];
      color.data[0] = 50;
      variance.data[0] = 50 ** 2;
      expect(detectFireflies(color, variance)).toEqual([]);
    }
  });

  it('leave a picture without them as it is', () => {
    const { color, variance } = picture([]);
    expect(dimmed(color, detectFireflies(color, variance))).toBe(color);
  });
});
