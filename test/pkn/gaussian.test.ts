import { describe, expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import { anisotropicGaussian } from '../../src/pkn/anisotropic-gaussian.js';
import { constantMap, type ParameterMap } from '../../src/pkn/parameter-map.js';
import { MAX_FACTOR, rbfUpsample } from '../../src/pkn/rbf-upsample.js';
import { largestDifference } from '../support/closeness.js';
import { randomRaster } from '../support/random.js';
import { at, impulse, SIZES } from './support.js';

const shape = (sigma1: number, sigma2: number, rho: number) => ({ sigma1, sigma2, rho });

describe('anisotropicGaussian', () => {
  it.each(SIZES)('keeps the picture at %i x %i where the sigmas are 0', (width, height) => {
    const image = randomRaster(width, height, 3);
    for (const map of [
      constantMap('anisotropic-gaussian', shape(0, 0, 0), width, height),
      constantMap('isotropic-gaussian', { sigma: 0 }, width, height),
    ]) {
      expect(largestDifference(anisotropicGaussian(image, map), image)).toBeLessThan(1e-6);
    }
  });

  it.each(SIZES)('is isotropic at %i x %i where the sigmas are equal and rho is 0', (width, height) => {
    const image = randomRaster(width, height, 2);
    const round = anisotropicGaussian(
      image,
      constantMap('isotropic-gaussian', { sigma: 1.3 }, width, height),
    );
    const map = constantMap('anisotropic-gaussian', shape(1.3, 1.3, 0), width, height);
    expect(largestDifference(anisotropicGaussian(image, map), round)).toBeLessThan(1e-6);
  });

  it('spreads an impulse by the inverse of its covariance', () => {
    const [sigma1, sigma2, rho] = [1.6, 0.8, 0.5];
    const image = impulse(21, 21, 10, 10);
    const result = anisotropicGaussian(
      image,
      constantMap('anisotropic-gaussian', shape(sigma1, sigma2, rho), 21, 21),
    );
    const weight = (dx: number, dy: number): number => {
      const [u, v] = [dx / sigma1, dy / sigma2];
      return Math.exp(-(u * u - 2 * rho * u * v + v * v) / (2 * (1 - rho * rho)));
    };
    let total = 0;
    for (let dy = -4; dy <= 4; dy++) for (let dx = -4; dx <= 4; dx++) total += weight(dx, dy);
    for (let y = 0; y < 21; y++) {
      for (let x = 0; x < 21; x++) {
        const [dx, dy] = [x - 10, y - 10];
        const wanted = Math.max(Math.abs(dx), Math.abs(dy)) <= 4 ? weight(dx, dy) / total : 0;
        expect(at(result, x, y)).toBeCloseTo(wanted, 5);
      }
    }
  });

  it('blurs along the diagonal that rho points to', () => {
    const image = impulse(15, 15, 7, 7);
    const result = anisotropicGaussian(image, constantMap('anisotropic-gaussian', shape(2, 2, 0.9), 15, 15));
    expect(at(result, 9, 9)).toBeGreaterThan(10 * at(result, 9, 5));
  });

  it.each([-1, 1])('stays finite where rho is %i', (rho) => {
    const image = randomRaster(12, 12, 1);
    const result = anisotropicGaussian(image, constantMap('anisotropic-gaussian', shape(4, 0, rho), 12, 12));
    expect(result.data.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('refuses other maps', () => {
    const image = randomRaster(8, 6, 1);
    const refused = (map: ParameterMap): void => {
      expect(() => anisotropicGaussian(image, map)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    };
    refused(constantMap('bilateral', { multiplier: 1 }, 8, 6));
    refused(constantMap('rbf-upsample', shape(1, 1, 0), 8, 6));
    refused(constantMap('anisotropic-gaussian', shape(1, 1, 0), 8, 8));
  });
});

describe('rbfUpsample', () => {
  it.each(SIZES)('copies a picture of %i x %i with a factor of 1', (width, height) => {
    const image = randomRaster(width, height, 3);
    const result = rbfUpsample(image, constantMap('rbf-upsample', shape(2, 1, 0.3), width, height), 1);
    expect(result.data).toEqual(image.data);
    expect(result.data).not.toBe(image.data);
  });

  it.each([1.3, 1.8, 3, 8])('keeps constants and sizes, factor %d', (factor) => {
    for (const [width, height] of SIZES) {
      const image = { ...randomRaster(width, height, 1), data: new Float32Array(width * height).fill(0.3) };
      const map = constantMap('rbf-upsample', shape(0.7, 0.4, -0.6), width, height);
      const result = rbfUpsample(image, map, factor);
      expect([result.width, result.height]).toEqual([
        Math.round(width * factor),
        Math.round(height * factor),
      ]);
      expect(result.data.every((value) => Math.abs(value - 0.3) < 1e-6)).toBe(true);
    }
  });

  it('repeats the nearest pixel where the sigmas are 0', () => {
    const image = randomRaster(9, 5, 2);
    const result = rbfUpsample(image, constantMap('rbf-upsample', shape(0, 0, 0), 9, 5), 3);
    for (let c = 0; c < 2; c++) {
      for (let y = 0; y < 15; y++) {
        for (let x = 0; x < 27; x++) {
          expect(at(result, x, y, c)).toBeCloseTo(at(image, Math.floor(x / 3), Math.floor(y / 3), c), 5);
        }
      }
    }
  });

  it('keeps a ramp straight away from the border', () => {
    const image = { ...randomRaster(24, 24, 1), data: Float32Array.from({ length: 576 }, (_, i) => i % 24) };
    const result = rbfUpsample(image, constantMap('rbf-upsample', shape(0.8, 0.8, 0), 24, 24), 1.8);
    for (let x = 10; x < 34; x++)
      expect(Math.abs(at(result, x, 20) - ((x + 0.5) / 1.8 - 0.5))).toBeLessThan(0.02);
  });

  it('is what it is without a guide where the guide tells nothing apart, and follows it where it does', () => {
    const image = randomRaster(13, 9, 2);
    const map = constantMap('rbf-upsample', shape(1.5, 1, 0.2), 13, 9);
    const plain = rbfUpsample(image, map, 2);
    const flat = { low: raster(13, 9, 1), high: raster(26, 18, 1) };
    expect(largestDifference(rbfUpsample(image, map, 2, flat), plain)).toBeLessThan(1e-5);

    const halves = (width: number, height: number, edge: number, step: number) =>
      raster(
        width,
        height,
        1,
        Float32Array.from({ length: width * height }, (_, i) => (i % width < edge ? 0 : step)),
      );
    const light = halves(13, 9, 6, 1);
    const guide = { low: halves(13, 9, 6, 5), high: halves(26, 18, 11, 5) };
    const guided = rbfUpsample(light, map, 2, guide);
    for (let x = 4; x < 22; x++) {
      // A weight of 2^-10 at most comes from the other side.
      expect(Math.abs(at(guided, x, 9) - (x < 11 ? 0 : 1))).toBeLessThan(0.01);
    }
  });

  it('sharpens an edge without a halo, and is what it was where the sharpness is 0', () => {
    const edge = raster(
      16,
      8,
      1,
      Float32Array.from({ length: 128 }, (_, i) => (i % 16 < 8 ? 0 : 1)),
    );
    const map = (sharpness: number) =>
      constantMap('rbf-upsample', { ...shape(0.6, 0.6, 0), sharpness }, 16, 8);
    const smooth = rbfUpsample(edge, constantMap('rbf-upsample', shape(0.6, 0.6, 0), 16, 8), 2);
    expect(rbfUpsample(edge, map(0), 2).data).toEqual(smooth.data);
    const sharp = rbfUpsample(edge, map(2), 2);
    const distance = ({ data }: { data: Float32Array }): number =>
      data.reduce((sum, value, i) => sum + Math.abs(value - (i % 32 < 16 ? 0 : 1)), 0);
    expect(distance(sharp)).toBeLessThan(0.5 * distance(smooth));
    expect(sharp.data.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('keeps constants, and what lies beside infinite pixels, where it sharpens', () => {
    const image = raster(9, 5, 1, new Float32Array(45).fill(0.3));
    const map = constantMap('rbf-upsample', { ...shape(0.5, 0.5, 0), sharpness: 4 }, 9, 5);
    expect(rbfUpsample(image, map, 1.8).data.every((value) => Math.abs(value - 0.3) < 1e-6)).toBe(true);
    image.data[22] = Number.POSITIVE_INFINITY;
    const plain = constantMap('rbf-upsample', shape(0.5, 0.5, 0), 9, 5);
    const missing = ({ data }: Raster): boolean[] => Array.from(data, Number.isNaN);
    expect(missing(rbfUpsample(image, map, 1.8))).toEqual(missing(rbfUpsample(image, plain, 1.8)));
  });

  it('accepts maps of earlier versions, without a sharpness', () => {
    const image = randomRaster(8, 6, 1);
    const { filter, values } = constantMap('rbf-upsample', shape(0.7, 0.4, 0.1), 8, 6);
    const earlier = { filter, values: raster(4, 3, 3, values.data.slice(0, 36)) };
    expect(rbfUpsample(image, earlier, 2).data).toEqual(rbfUpsample(image, { filter, values }, 2).data);
  });

  it('refuses guides of other sizes', () => {
    const map = constantMap('rbf-upsample', shape(1, 1, 0), 4, 4);
    for (const guide of [
      { low: raster(4, 4, 1), high: raster(8, 7, 1) },
      { low: raster(3, 4, 1), high: raster(8, 8, 1) },
      { low: raster(4, 4, 2), high: raster(8, 8, 1) },
    ]) {
      expect(() => rbfUpsample(randomRaster(4, 4, 1), map, 2, guide)).toThrow(
        expect.objectContaining({ code: 'mismatched-frames' }),
      );
    }
  });

  it('is symmetric', () => {
    const image = randomRaster(11, 7, 1);
    const mirrored = {
      ...image,
      data: image.data.map((_, i) => at(image, 10 - (i % 11), Math.floor(i / 11))),
    };
    const result = rbfUpsample(image, constantMap('rbf-upsample', shape(1, 0.5, 0.4), 11, 7), 2);
    const other = rbfUpsample(mirrored, constantMap('rbf-upsample', shape(1, 0.5, -0.4), 11, 7), 2);
    for (let y = 0; y < 14; y++) {
      for (let x = 0; x < 22; x++) expect(at(result, x, y)).toBeCloseTo(at(other, 21 - x, y), 5);
    }
  });

  it.each([0, 0.99, MAX_FACTOR + 0.01, Number.NaN, Number.POSITIVE_INFINITY])(
    'refuses a factor of %d',
    (factor) => {
      const map = constantMap('rbf-upsample', shape(1, 1, 0), 4, 4);
      expect(() => rbfUpsample(randomRaster(4, 4, 1), map, factor)).toThrow(
        expect.objectContaining({ code: 'invalid-argument', details: { parameter: 'factor' } }),
      );
    },
  );
});
