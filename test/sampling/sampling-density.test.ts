import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { samplingDensity } from '../../src/sampling/sampling-density.js';

const flat = { floor: 0, ceiling: Number.POSITIVE_INFINITY, dilation: 0 };

describe('samplingDensity', () => {
  it('has the mean 1 and keeps floor and ceiling', () => {
    const errors = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: 35, maxLength: 35 });
    const options = fc.record({
      floor: fc.double({ min: 0, max: 1, noNaN: true }),
      ceiling: fc.double({ min: 1, max: 100, noNaN: true }),
      dilation: fc.integer({ min: 0, max: 3 }),
    });
    fc.assert(
      fc.property(errors, options, (values, limits) => {
        const { data } = samplingDensity(raster(7, 5, 1, Float32Array.from(values)), limits);
        expect(data.reduce((sum, value) => sum + value, 0) / 35).toBeCloseTo(1, 5);
        expect(Math.min(...data)).toBeGreaterThanOrEqual(limits.floor - 1e-6);
        expect(Math.max(...data)).toBeLessThanOrEqual(limits.ceiling * (1 + 1e-6));
      }),
    );
  });

  it('is proportional to the error between the limits', () => {
    const { data } = samplingDensity(raster(4, 1, 1, Float32Array.of(0.1, 0.2, 0.3, 0.2)), flat);
    expect([...data]).toEqual([0.5, 1, 1.5, 1].map((value) => expect.closeTo(value, 5)));
  });

  it('spreads errors by the dilation, in both directions', () => {
    const error = raster(5, 5, 1);
    error.data[2 * 5 + 2] = 1;
    const { data } = samplingDensity(error, { ...flat, dilation: 1 });
    const square = [...data.keys()].filter((i) => (data[i] as number) > 0);
    expect(square).toEqual([6, 7, 8, 11, 12, 13, 16, 17, 18]);
  });

  it('samples a picture without errors evenly', () => {
    expect([...samplingDensity(raster(2, 2, 1)).data]).toEqual([1, 1, 1, 1]);
  });

  it.each([
    [Number.NaN, 'received NaN'],
    [-0.5, 'received -0.5'],
    [Number.POSITIVE_INFINITY, 'received Infinity'],
  ])('refuses an error of %d and names its pixel', (value, received) => {
    const error = raster(3, 2, 1);
    error.data[4] = value;
    expect(() => samplingDensity(error)).toThrow(
      `Expected a finite number of at least 0 for the error of pixel (1, 1) but ${received}`,
    );
  });

  it('refuses options out of range and errors of several channels', () => {
    const error = raster(2, 2, 1);
    expect(() => samplingDensity(error, { ...flat, floor: 2 })).toThrow('[0, 1] for floor');
    expect(() => samplingDensity(error, { ...flat, ceiling: 0.5 })).toThrow('for ceiling');
    expect(() => samplingDensity(error, { ...flat, dilation: 0.5 })).toThrow('for dilation');
    expect(() => samplingDensity(raster(2, 2, 3), flat)).toThrow('channels of the error map');
  });
});
