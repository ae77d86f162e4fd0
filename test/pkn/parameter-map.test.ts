import { describe, expect, it } from 'vitest';
import { plane, raster } from '../../src/image/raster.js';
import { estimateNoiseSigma } from '../../src/pkn/noise-level.js';
import {
  checkMap,
  completeMap,
  constantMap,
  interpolateMap,
  PARAMETERS,
  rescaleMap,
  strengthenMap,
} from '../../src/pkn/parameter-map.js';
import { randomNumbers } from '../support/random.js';
import { at } from './support.js';

describe('constantMap', () => {
  it('has half the resolution, rounded up', () => {
    const { values } = constantMap('anisotropic-gaussian', { sigma1: 1, sigma2: 2, rho: -0.5 }, 9, 4);
    expect([values.width, values.height, values.channels]).toEqual([5, 2, 3]);
    expect([at(values, 0, 0, 0), at(values, 4, 1, 1), at(values, 2, 1, 2)]).toEqual([1, 2, -0.5]);
  });

  it('refuses values that are missing or out of range', () => {
    for (const values of [{}, { multiplier: 4.5 }, { multiplier: Number.NaN }]) {
      expect(() => constantMap('bilateral', values, 4, 4)).toThrow(
        expect.objectContaining({ code: 'invalid-argument', details: { parameter: 'multiplier' } }),
      );
    }
  });
});

describe('completeMap', () => {
  it('adds the sharpness that earlier maps lack, and leaves others to the check', () => {
    const values = raster(2, 2, 3, new Float32Array(12).fill(0.5));
    const complete = completeMap({ filter: 'rbf-upsample', values });
    expect([...complete.values.data]).toEqual([...new Array(12).fill(0.5), 0, 0, 0, 0]);
    expect(completeMap(complete)).toEqual(complete);
    const damaged = { filter: 'rbf-upsample', values: raster(2, 2, 2) } as const;
    expect(completeMap(damaged)).toEqual(damaged);
  });
});

describe('rescaleMap', () => {
  it('multiplies the parameters that are named, within their ranges, and leaves the map alone', () => {
    const map = constantMap('anisotropic-gaussian', { sigma1: 1, sigma2: 3, rho: 0.5 }, 2, 2);
    const { values } = rescaleMap(map, { sigma1: 1.5, sigma2: 2 });
    expect([...values.data]).toEqual([1.5, 4, 0.5]);
    expect([...map.values.data]).toEqual([1, 3, 0.5]);
  });

  it('refuses unknown parameters and factors that are not finite', () => {
    const map = constantMap('bilateral', { multiplier: 1 }, 2, 2);
    expect(() => rescaleMap(map, { sigma: 2 })).toThrow('a parameter');
    expect(() => rescaleMap(map, { multiplier: Number.NaN })).toThrow('multiplier');
  });
});

describe('interpolateMap', () => {
  it('lies on a line between values: pixel x at (x + 1/2) / 2 - 1/2', () => {
    const map = raster(4, 1, 1, Float32Array.of(0, 1, 2, 3));
    expect([...interpolateMap(map, 8, 1).data]).toEqual([0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]);
  });

  it('serves any magnification of the same picture', () => {
    const map = raster(
      4,
      4,
      1,
      Float32Array.from({ length: 16 }, (_, i) => i % 4),
    );
    const fine = interpolateMap(map, 24, 24, 3);
    for (let x = 0; x < 24; x++) {
      const wanted = Math.min(Math.max((x + 0.5) / 6 - 0.5, 0), 3);
      expect(at(fine, x, 11)).toBeCloseTo(wanted, 5);
    }
  });
});

describe('estimateNoiseSigma', () => {
  it.each([0.01, 0.2])('finds the sigma %d of white noise on a ramp', (sigma) => {
    const random = randomNumbers(5);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const image = raster(
      200,
      150,
      1,
      Float32Array.from({ length: 30000 }, (_, i) => (i % 200) / 200 + sigma * normal()),
    );
    expect(Math.abs((estimateNoiseSigma(image)[0] as number) / sigma - 1)).toBeLessThan(0.05);
  });

  it('is 0 for pictures without noise or without blocks, channel by channel', () => {
    expect(estimateNoiseSigma(raster(1, 9, 2))).toEqual([0, 0]);
    expect(estimateNoiseSigma(raster(20, 20, 1))).toEqual([0]);
  });
});

describe('strengthenMap', () => {
  it('scales what grows with the filter, divides what shrinks it, and leaves correlations', () => {
    const map = constantMap('rbf-upsample', { sigma1: 1, sigma2: 3, rho: -0.5 }, 4, 4);
    const values = (strength: number): number[] =>
      [0, 1, 2].map((c) => plane(strengthenMap(map, strength).values, c)[0] as number);
    expect(values(0.5)).toEqual([0.5, 1.5, -0.5]);
    expect(values(2)).toEqual([2, 4, -0.5]);
    expect(values(0)).toEqual([0, 0, -0.5]);
    expect(strengthenMap(map, 1)).toBe(map);
    const names = Object.keys(PARAMETERS['cross-bilateral']);
    const render = constantMap('cross-bilateral', Object.fromEntries(names.map((name) => [name, 2])), 4, 4);
    const strong = strengthenMap(render, 1.5).values;
    names.forEach((name, c) => {
      const wanted = name.startsWith('spread') ? 3 : 2 / 1.5;
      expect(plane(strong, c)[0]).toBeCloseTo(wanted, 5);
    });
    checkMap(strengthenMap(render, 0), 'cross-bilateral', 4, 4);
  });

  it.each([-0.1, 4.1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d', (strength) => {
    const map = constantMap('bilateral', { multiplier: 1 }, 4, 4);
    expect(() => strengthenMap(map, strength)).toThrow('strength');
  });
});
