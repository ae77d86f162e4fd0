import { describe, expect, it } from 'vitest';
import { type Raster, raster } from '../../src/image/raster.js';
import { constantMap } from '../../src/pkn/parameter-map.js';
import {
  type Blur,
  estimateBlurSigma,
  gaussianBlur,
  polynomialDeblur,
} from '../../src/pkn/polynomial-deblur.js';
import { largestDifference } from '../support/closeness.js';
import { randomRaster } from '../support/random.js';
import { at, impulse, SIZES } from './support.js';

const coefficients = (b: number, c: number, d: number) => ({ b, c, d });
const deblur = (image: Raster, [b, c, d]: readonly [number, number, number], blur: Blur): Raster =>
  polynomialDeblur(
    image,
    constantMap('polynomial-deblur', coefficients(b, c, d), image.width, image.height),
    blur,
  );

/** A dark and a bright half, and noise-free. */
function step(width: number, height: number): Raster {
  const data = Float32Array.from({ length: width * height }, (_, i) => (i % width < width / 2 ? 0.2 : 0.8));
  return raster(width, height, 1, data);
}

describe('polynomialDeblur', () => {
  it.each(SIZES)('keeps the picture at %i x %i where b = c = d = 0', (width, height) => {
    const image = randomRaster(width, height, 3);
    expect(deblur(image, [0, 0, 0], gaussianBlur(1)).data).toEqual(image.data);
  });

  it.each(SIZES)('keeps constants at %i x %i', (width, height) => {
    const image = { ...randomRaster(width, height, 1), data: new Float32Array(width * height).fill(0.4) };
    expect(largestDifference(deblur(image, [-4, 3.5, -2], gaussianBlur(1.7)), image)).toBeLessThan(1e-5);
  });

  it('is the blur itself where b = 1', () => {
    const result = deblur(impulse(17, 17, 8, 8), [1, 0, 0], gaussianBlur(1.2));
    const { radius, weights } = gaussianBlur(1.2);
    for (let y = 0; y < 17; y++) {
      for (let x = 0; x < 17; x++) {
        const [u, v] = [x - 8 + radius, y - 8 + radius];
        const side = 2 * radius + 1;
        const inside = u >= 0 && u < side && v >= 0 && v < side;
        expect(at(result, x, y)).toBeCloseTo(inside ? (weights[v * side + u] as number) : 0, 6);
      }
    }
  });

  it('applies powers of the blur: c = 1 twice, d = 1 three times', () => {
    const image = randomRaster(20, 20, 1);
    const blur = gaussianBlur(0.8);
    const once = deblur(image, [1, 0, 0], blur);
    const twice = deblur(once, [1, 0, 0], blur);
    expect(largestDifference(deblur(image, [0, 1, 0], blur), twice)).toBeLessThan(1e-5);
    expect(largestDifference(deblur(image, [0, 0, 1], blur), deblur(twice, [1, 0, 0], blur))).toBeLessThan(
      1e-5,
    );
  });

  it('inverts a mild blur: 3 - 3 B + B^2 is near B^-1', () => {
    const blur = gaussianBlur(0.8);
    const sharp = step(32, 16);
    const blurred = deblur(sharp, [1, 0, 0], blur);
    // a = 3, b = -3, c = 1 up to the third order in 1 - B.
    const restored = deblur(blurred, [-3, 1, 0], blur);
    expect(largestDifference(restored, sharp)).toBeLessThan(0.6 * largestDifference(blurred, sharp));
  });

  it('takes any blur that sums to 1, and not flipped', () => {
    const weights = new Float32Array(9);
    weights[5] = 1; // the pixel to the right
    const image = randomRaster(8, 5, 1);
    const result = deblur(image, [1, 0, 0], { radius: 1, weights });
    expect(at(result, 3, 2)).toBeCloseTo(at(image, 4, 2), 6);
  });

  it('refuses blurs that are none', () => {
    const image = randomRaster(4, 4, 1);
    const refused = (blur: Blur): void => {
      expect(() => deblur(image, [0, 0, 0], blur)).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    };
    refused({ radius: 1, weights: new Float32Array(8) });
    refused({ radius: 1, weights: new Float32Array(9) });
    refused({ radius: 0.5, weights: new Float32Array(4) });
    refused({ radius: 17, weights: new Float32Array(35 ** 2) });
    refused({ radius: 0, weights: Float32Array.of(Number.NaN) });
  });

  it.each([0, 0.29, 4.1, Number.NaN])('refuses a Gaussian of sigma %d', (sigma) => {
    expect(() => gaussianBlur(sigma)).toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { parameter: 'blurSigma' } }),
    );
  });
});

describe('estimateBlurSigma', () => {
  it.each([0.8, 1.2, 2, 3])('finds the blur of an edge, sigma %d', (sigma) => {
    const blurred = deblur(step(64, 48), [1, 0, 0], gaussianBlur(sigma));
    expect(Math.abs(estimateBlurSigma(blurred) / sigma - 1)).toBeLessThan(0.15);
  });

  it('gives the least for pictures without edges or without pixels to compare', () => {
    expect(estimateBlurSigma(raster(1, 1, 3))).toBe(0.3);
    expect(estimateBlurSigma({ ...randomRaster(9, 9, 1), data: new Float32Array(81).fill(2) })).toBe(0.3);
  });
});
