import { expect, it } from 'vitest';
import { findBrightRegions, keepBrightRegions, meanOfRegions } from '../../src/image/bright-regions.js';
import { type Raster, raster } from '../../src/image/raster.js';

const INF = Number.POSITIVE_INFINITY;

function picture(rows: readonly string[], channels = 1): Raster {
  const values: Readonly<Record<string, number>> = { '.': 1, s: INF, n: Number.NaN };
  const width = rows[0]?.length ?? 0;
  const data = Float32Array.from(rows.join(''), (letter) => values[letter] as number);
  return raster(width, rows.length / channels, channels, data);
}

const found = (image: Raster): number[] =>
  [...(findBrightRegions(image)?.indices ?? [])].sort((a, b) => a - b);

it('finds four connected infinite samples or more, and the NaN that they enclose', () => {
  expect(found(picture(['.ss.', '.ss.', '....']))).toEqual([1, 2, 5, 6]);
  expect(found(picture(['s...', '.s..', '..s.', '...s']))).toEqual([0, 5, 10, 15]);
  expect(found(picture(['sss.', 'sns.', 'sss.', '....']))).toEqual([0, 1, 2, 4, 5, 6, 8, 9, 10]);
});

it('leaves lone infinities, pairs and NaN beside finite samples to be repaired', () => {
  expect(found(picture(['s...', '..ss', '....']))).toEqual([]);
  expect(found(picture(['.ssn', '.ss.', '....']))).toEqual([1, 2, 5, 6]);
  // Not connected across channels and rows.
  expect(found(picture(['..ss', '....', 'ss..', '....'], 2))).toEqual([]);
});

it('takes finite samples above a limit for infinite ones, with their values', () => {
  const image = raster(2, 2, 1, Float32Array.of(2e30, 3e30, INF, 4e30));
  const regions = findBrightRegions(image, 1e30);
  expect([...(regions?.values ?? [])]).toEqual([2e30, 3e30, INF, 4e30].map(Math.fround));
  expect(findBrightRegions(image)).toBeUndefined();
});

it('writes regions as the largest value, in pictures of any size', () => {
  const regions = findBrightRegions(picture(['ss.', 'ss.', '...']));
  const target = raster(6, 6, 1);
  keepBrightRegions(target, regions as NonNullable<typeof regions>, { width: 3, height: 3 }, 65504);
  target.data.forEach((value, i) => {
    expect(value).toBe(i % 6 < 4 && i < 24 ? 65504 : 0);
  });
});

it('averages what two halves keep', () => {
  const [a, b] = [raster(2, 2, 1), raster(2, 2, 1)];
  b.data.fill(4);
  const own = { indices: Uint32Array.of(0, 1), values: Float32Array.of(INF, 8) };
  const other = { indices: Uint32Array.of(1, 2), values: Float32Array.of(16, 6) };
  const mean = meanOfRegions([own, other], [a, b]);
  expect([...(mean?.indices ?? [])]).toEqual([0, 1, 2]);
  expect([...(mean?.values ?? [])]).toEqual([INF, 12, 3]);
  expect(meanOfRegions([undefined, undefined], [a, b])).toBeUndefined();
});
