import { expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import { measuredNoise } from '../../src/sampling/measured-noise.js';

const picture = (values: readonly number[], channels: number): Raster => {
  const data = Array.from({ length: channels }, () => values).flat();
  return raster(values.length, 1, channels, Float32Array.from(data));
};

it('is the variance over the squared brightness, in [0, 1]', () => {
  const { data } = measuredNoise(picture([2, 2, 0.1, -3], 3), picture([1, 0, 5, 0.9], 1), 1);
  const expected = [1 / (4 + 1e-3), 0, 1, 0.9 / (9 + 1e-3)];
  for (const [i, value] of data.entries()) expect(value).toBeCloseTo(expected[i] as number, 6);
});

it('is the same of a picture in other units, whose exposure is another', () => {
  const [colors, variances] = [
    [0, 1e-3, 0.1, 4],
    [1e-6, 1e-6, 0.004, 2],
  ];
  const one = measuredNoise(picture(colors, 3), picture(variances, 1), 2);
  const scaled = (values: readonly number[], by: number): number[] => values.map((value) => value * by);
  const other = measuredNoise(
    ...([picture(scaled(colors, 100), 3), picture(scaled(variances, 1e4), 1), 0.02] as const),
  );
  for (const [i, value] of one.data.entries()) expect(other.data[i]).toBeCloseTo(value, 5);
});

it('is finite for the largest variances and for black', () => {
  const { data } = measuredNoise(picture([0, 0, 1e30], 3), picture([3.4e38, 0, 3.4e38], 1), 1e3);
  expect([...data.subarray(0, 2)]).toEqual([1, 0]);
  expect(data[2]).toBeLessThan(1e-20);
  expect(data[2]).toBeGreaterThan(1e-23);
});
