import { describe, expect, it } from 'vitest';
import type { Raster } from '../../src/image/raster.js';
import { bilateral } from '../../src/pkn/bilateral.js';
import { nonLocalMeans } from '../../src/pkn/non-local-means.js';
import { constantMap, interpolateMap, type ParameterMap } from '../../src/pkn/parameter-map.js';
import { largestDifference } from '../support/closeness.js';
import { randomRaster } from '../support/random.js';
import { at, impulse, SIZES } from './support.js';

const FILTERS = [
  { name: 'non-local-means', apply: nonLocalMeans, reach: 1 },
  { name: 'bilateral', apply: bilateral, reach: 0 },
] as const;

/** The definition, pixel by pixel in double precision. */
function definition(
  image: Raster,
  map: ParameterMap,
  noiseSigma: number,
  spatialSigma: number,
  reach: number,
): Float32Array {
  const multipliers = interpolateMap(map.values, image.width, image.height);
  return image.data.map((_, i) => {
    const c = Math.floor(i / (image.width * image.height));
    const y = Math.floor(i / image.width) % image.height;
    const x = i % image.width;
    const signal = at(multipliers, x, y) * noiseSigma;
    let [sum, total] = [0, 0];
    for (let dy = -2; dy <= 2; dy++) {
      for (let dx = -2; dx <= 2; dx++) {
        let distance = 0;
        for (let v = -reach; v <= reach; v++) {
          for (let u = -reach; u <= reach; u++) {
            distance += (at(image, x + dx + u, y + dy + v, c) - at(image, x + u, y + v, c)) ** 2;
          }
        }
        distance /= (2 * reach + 1) ** 2;
        const falloff = (dx * dx + dy * dy) / (2 * spatialSigma ** 2);
        const weight = dx === 0 && dy === 0 ? 1 : Math.exp(-falloff - distance / (2 * signal ** 2));
        sum += weight * at(image, x + dx, y + dy, c);
        total += weight;
      }
    }
    return sum / total;
  });
}

describe.each(FILTERS)('$name', ({ name, apply, reach }) => {
  it.each(SIZES)('is its definition at %i x %i', (width, height) => {
    const image = randomRaster(width, height, 3);
    const values = randomRaster(Math.ceil(width / 2), Math.ceil(height / 2), 1, [0.3, 4]);
    const map = { filter: name, values };
    const wanted = definition(image, map, 0.2, 1.3, reach);
    const received = apply(image, map, { noiseSigma: 0.2, spatialSigma: 1.3 });
    expect(largestDifference(received, { ...image, data: wanted })).toBeLessThan(1e-5);
  });

  it.each(SIZES)('keeps the picture at %i x %i where the multiplier is 0', (width, height) => {
    const image = randomRaster(width, height, 3);
    const map = constantMap(name, { multiplier: 0 }, width, height);
    expect(largestDifference(apply(image, map, { noiseSigma: 0.1 }), image)).toBeLessThan(1e-6);
  });

  it('keeps constants', () => {
    const image = { ...randomRaster(21, 13, 1), data: new Float32Array(21 * 13).fill(0.7) };
    const map = constantMap(name, { multiplier: 3 }, 21, 13);
    expect(largestDifference(apply(image, map, { noiseSigma: 0.1 }), image)).toBeLessThan(1e-6);
  });

  it('stays between the least and the most of the window', () => {
    const image = randomRaster(40, 30, 1);
    const result = apply(image, constantMap(name, { multiplier: 4 }, 40, 30), { noiseSigma: 1 });
    for (let y = 0; y < 30; y++) {
      for (let x = 0; x < 40; x++) {
        const window = Array.from({ length: 25 }, (_, i) =>
          at(image, x + (i % 5) - 2, y + Math.floor(i / 5) - 2),
        );
        expect(at(result, x, y)).toBeGreaterThanOrEqual(Math.min(...window) - 1e-6);
        expect(at(result, x, y)).toBeLessThanOrEqual(Math.max(...window) + 1e-6);
      }
    }
  });

  it('reaches two pixels and no further', () => {
    const image = impulse(15, 15, 7, 7);
    const map = constantMap(name, { multiplier: 4 }, 15, 15);
    // Noise so strong that only distance counts.
    const result = apply(image, map, { noiseSigma: 1e3, spatialSigma: Number.POSITIVE_INFINITY });
    for (let y = 0; y < 15; y++) {
      for (let x = 0; x < 15; x++) {
        const inside = Math.max(Math.abs(x - 7), Math.abs(y - 7)) <= 2;
        expect(at(result, x, y)).toBeCloseTo(inside ? 1 / 25 : 0, 5);
      }
    }
  });

  it('does not depend on the scale of the light', () => {
    const image = randomRaster(20, 20, 1);
    const map = constantMap(name, { multiplier: 1.5 }, 20, 20);
    const bright = { ...image, data: image.data.map((value) => 1024 * value) };
    const result = apply(bright, map, { noiseSigma: 1024 * 0.1 });
    const wanted = apply(image, map, { noiseSigma: 0.1 });
    expect(largestDifference({ ...result, data: result.data.map((v) => v / 1024) }, wanted)).toBeLessThan(
      1e-6,
    );
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses a noise sigma of %d', (noiseSigma) => {
    const map = constantMap(name, { multiplier: 1 }, 4, 4);
    expect(() => apply(randomRaster(4, 4, 1), map, { noiseSigma })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { parameter: 'noiseSigma' } }),
    );
  });

  it.each([0, -2, Number.NaN])('refuses a spatial sigma of %d', (spatialSigma) => {
    const map = constantMap(name, { multiplier: 1 }, 4, 4);
    expect(() => apply(randomRaster(4, 4, 1), map, { noiseSigma: 1, spatialSigma })).toThrow(
      expect.objectContaining({ code: 'invalid-argument', details: { parameter: 'spatialSigma' } }),
    );
  });

  it('refuses maps of another filter, another size or out of range', () => {
    const image = randomRaster(8, 6, 1);
    const refused = (map: ParameterMap): void => {
      expect(() => apply(image, map, { noiseSigma: 1 })).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    };
    refused(constantMap('isotropic-gaussian', { sigma: 1 }, 8, 6));
    refused(constantMap(name, { multiplier: 1 }, 9, 6));
    const map = constantMap(name, { multiplier: 1 }, 8, 6);
    for (const wrong of [4.01, -0.01, Number.NaN]) {
      map.values.data[5] = wrong;
      refused(map);
    }
  });
});
