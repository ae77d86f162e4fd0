import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  estimateVariance,
  halfBufferVariance,
  meanOfHalves,
  varianceFromMoments,
  varianceFromRelative,
  varianceFromSamples,
  varianceInBasis,
} from '../../src/frame/variance.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { randomNumbers } from '../support/random.js';

const pixel = (...values: number[]): Raster => raster(1, 1, values.length, Float32Array.from(values));

describe('half buffers', () => {
  it('is the mean over channels of (a - b)^2 / 4', () => {
    // (1 + 4 + 16) / 3 / 4
    expect(halfBufferVariance(pixel(1, 2, 3), pixel(2, 4, -1)).data[0]).toBeCloseTo(1.75, 6);
    expect([...meanOfHalves(pixel(1, 2, 3), pixel(2, 4, -1)).data]).toEqual([1.5, 3, 1]);
  });

  it('has the variance of the mean as its expectation', () => {
    const random = randomNumbers(7);
    const samples = Float32Array.from({ length: 40_000 }, random);
    const [a, b] = [samples.subarray(0, 20_000), samples.subarray(20_000)];
    const estimate = halfBufferVariance(raster(200, 100, 1, a), raster(200, 100, 1, b)).data;
    // Uniform numbers have variance 1/12; the mean of two, 1/24.
    expect(estimate.reduce((sum, value) => sum + value, 0) / estimate.length).toBeCloseTo(1 / 24, 3);
  });

  it('stays finite for the largest floats', () => {
    expect(Number.isFinite(halfBufferVariance(pixel(3e38), pixel(-3e38)).data[0])).toBe(true);
  });
});

describe('variance layers', () => {
  it('divides the variance of samples by their number', () => {
    expect(varianceFromSamples(pixel(4, 8, -1), 4).data[0]).toBeCloseTo(1, 6);
  });

  it('multiplies a relative variance by the mean', () => {
    expect(varianceFromRelative(pixel(0.5, 0, 2), pixel(4, 9, 2), 2).data[0]).toBeCloseTo((2 + 4) / 3 / 2, 6);
  });

  it('equals the unbiased variance of the mean when taken from moments', () => {
    const samples = [0.5, 2, 3.5, 1, 0, 7];
    const mean = samples.reduce((sum, value) => sum + value) / samples.length;
    const square = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
    const unbiased = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (samples.length - 1);
    const variance = varianceFromMoments(pixel(mean), pixel(square), samples.length);
    expect(variance.data[0]).toBeCloseTo(unbiased / samples.length, 5);
    expect(() => varianceFromMoments(pixel(1), pixel(1), 1)).toThrow('samples per pixel');
  });

  it('takes a variance to another basis exactly where the noise has the pixel’s colour', () => {
    // Samples are multiples k of one colour: variances are var(k) times the squares of the colour.
    const [rgb, xyz] = [pixel(0.2, 0.5, 0.1), pixel(0.3, 0.4, 0.2)];
    const varianceOfK = 0.25;
    const meanSquare = ({ data }: Raster): number => data.reduce((sum, value) => sum + value * value, 0) / 3;
    const inXyz = pixel(varianceOfK * meanSquare(xyz));
    expect(varianceInBasis(inXyz, xyz, rgb).data[0]).toBeCloseTo(varianceOfK * meanSquare(rgb), 6);
    expect(varianceInBasis(pixel(3), pixel(0, 0, 0), pixel(0, 0, 0)).data[0]).toBe(3);
  });
});

describe('estimateVariance', () => {
  /** By the definition, in two passes. */
  function direct(image: Raster, x: number, y: number): number {
    const { width, height, channels, data } = image;
    let total = 0;
    for (let c = 0; c < channels; c++) {
      const window: number[] = [];
      for (const dy of [-1, 0, 1]) {
        for (const dx of [-1, 0, 1]) {
          const column = Math.min(width - 1, Math.max(0, x + dx));
          const row = Math.min(height - 1, Math.max(0, y + dy));
          window.push(data[(c * height + row) * width + column] as number);
        }
      }
      const mean = window.reduce((sum, value) => sum + value) / 9;
      total += window.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 8;
    }
    return total / channels;
  }

  it('is the sample variance of the 3x3 window, borders repeated, averaged over channels', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 6 }),
        fc.integer({ min: 1, max: 2 ** 31 }),
        (width, height, seed) => {
          const random = randomNumbers(seed);
          const image = raster(width, height, 3, Float32Array.from({ length: width * height * 3 }, random));
          const variance = estimateVariance(image);
          for (let y = 0; y < height; y++) {
            for (let x = 0; x < width; x++) {
              expect(variance.data[y * width + x]).toBeCloseTo(direct(image, x, y), 6);
            }
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it('agrees with the training’s estimate_variance', () => {
    const values = [1, 2, 4, 8, 16, 32, 0.5, 0.25, 0];
    const variance = estimateVariance(raster(3, 3, 1, Float32Array.from(values)));
    const expected = [27.2778, 105.194, 158.111, 29.5486, 114.219, 179.382, 31.6094, 122.158, 198.012];
    for (const [i, value] of expected.entries()) expect(variance.data[i]).toBeCloseTo(value, 3);
  });

  it('is zero for a flat picture', () => {
    expect([...estimateVariance(raster(4, 3, 3, new Float32Array(36).fill(0.7))).data]).toEqual(
      new Array(12).fill(expect.closeTo(0, 9)),
    );
  });
});
