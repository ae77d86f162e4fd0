import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { raster } from '../../src/image/raster.js';
import { allocateSamples, totalSamples } from '../../src/sampling/allocate-samples.js';

const defaults = { minSpp: 0, maxSpp: 1000, tile: 1 };

/** Densities with zeros, equal values and peaks, of any small size. */
const densities = fc
  .tuple(fc.integer({ min: 1, max: 23 }), fc.integer({ min: 1, max: 17 }))
  .chain(([width, height]) =>
    fc
      .array(fc.oneof(fc.constant(0), fc.constant(1), fc.float({ min: 0, max: 1e6, noNaN: true })), {
        minLength: width * height,
        maxLength: width * height,
      })
      .map((values) => raster(width, height, 1, Float32Array.from(values))),
  );

const sum = (values: Uint32Array): number => values.reduce((total, value) => total + value, 0);

describe('allocateSamples', () => {
  it('spends the budget exactly, within the limits, whatever the density', () => {
    const options = fc.record({
      minSpp: fc.integer({ min: 0, max: 8 }),
      room: fc.integer({ min: 1, max: 64 }),
      at: fc.double({ min: 0.001, max: 1, noNaN: true }),
      tile: fc.constantFrom(1, 2, 5, 16),
    });
    fc.assert(
      fc.property(densities, options, (density, { minSpp, room, at, tile }) => {
        const maxSpp = minSpp + room;
        const budgetSpp = minSpp + at * room;
        const samples = allocateSamples(density, { budgetSpp, minSpp, maxSpp, tile });
        expect(sum(samples)).toBe(totalSamples(budgetSpp, samples.length));
        expect(samples.every((count) => count >= minSpp && count <= maxSpp)).toBe(true);
      }),
    );
  });

  it('spends the budget exactly within the limits of every pixel, with and without tiles', () => {
    const limits = fc.record({
      density: densities,
      seed: fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 30 })), {
        minLength: 23 * 17,
        maxLength: 23 * 17,
      }),
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      tile: fc.constantFrom(1, 3, 8),
    });
    fc.assert(
      fc.property(limits, ({ density, seed, at, tile }) => {
        const pixels = density.data.length;
        const minSamples = Uint32Array.from({ length: pixels }, (_, i) => seed[i]?.[0] ?? 0);
        const maxSamples = minSamples.map((least, i) => least + (seed[i]?.[1] ?? 0));
        const total = Math.round(sum(minSamples) + at * (sum(maxSamples) - sum(minSamples)));
        const options = { ...defaults, budgetSpp: total / pixels, minSamples, maxSamples, tile };
        const samples = allocateSamples(density, options);
        expect(sum(samples)).toBe(total);
        for (const [i, count] of samples.entries()) {
          expect(count).toBeGreaterThanOrEqual(minSamples[i] as number);
          expect(count).toBeLessThanOrEqual(maxSamples[i] as number);
        }
      }),
    );
  });

  it('keeps proportions among the pixels between their own limits', () => {
    const density = raster(4, 1, 1, Float32Array.of(1, 2, 4, 1));
    const minSamples = Uint32Array.of(0, 0, 0, 10);
    const maxSamples = Uint32Array.of(100, 100, 8, 100);
    // The last has its minimum, the third its maximum; 12 are shared 1 : 2.
    const options = { ...defaults, budgetSpp: 30 / 4, minSamples, maxSamples };
    expect([...allocateSamples(density, options)]).toEqual([4, 8, 8, 10]);
    // Limits for all pixels apply, too.
    expect([...allocateSamples(density, { ...options, maxSpp: 12, minSpp: 5 })]).toEqual([5, 7, 8, 10]);
  });

  it.each([
    [
      { maxSamples: Uint32Array.of(1, 1, 1, 1) },
      'Expected 0 to 4 samples, as the limits of the pixels allow,',
    ],
    [{ minSamples: Uint32Array.of(9, 9, 9, 9) }, 'for budget x pixels but received 8'],
    [
      { minSamples: Uint32Array.of(0, 3, 0, 0), maxSamples: Uint32Array.of(9, 2, 9, 9) },
      'Expected at least its minimum of 3 for the most samples of pixel (1, 0) but received 2',
    ],
    [{ minSpp: 1, maxSamples: Uint32Array.of(9, 9, 0, 9) }, 'for the most samples of pixel (0, 1)'],
    [{ minSamples: Uint32Array.of(0) }, 'Expected 4 pixels for the samples of min-layer but received 1'],
  ])('refuses limits of pixels %#', (options, message) => {
    const density = raster(2, 2, 1, new Float32Array(4).fill(1));
    expect(() => allocateSamples(density, { ...defaults, budgetSpp: 2, ...options })).toThrow(message);
  });

  it('never gives fewer samples to more density', () => {
    fc.assert(
      fc.property(densities, fc.double({ min: 0.1, max: 50, noNaN: true }), (density, budgetSpp) => {
        const samples = allocateSamples(density, { ...defaults, budgetSpp });
        const order = [...samples.keys()].sort(
          (a, b) => (density.data[a] as number) - (density.data[b] as number),
        );
        for (const [k, i] of order.entries()) {
          const next = order[k + 1] ?? i;
          if ((density.data[i] as number) < (density.data[next] as number)) {
            expect(samples[i]).toBeLessThanOrEqual(samples[next] as number);
          }
        }
      }),
    );
  });

  it('rounds by largest remainder, ties further up and left first', () => {
    const density = raster(3, 1, 1, Float32Array.of(0.2, 0.5, 0.3));
    expect([...allocateSamples(density, { ...defaults, budgetSpp: 10 / 3 })]).toEqual([2, 5, 3]);
    // Shares 1.4, 3.5 and 2.1: one is left after rounding down.
    expect([...allocateSamples(density, { ...defaults, budgetSpp: 7 / 3 })]).toEqual([1, 4, 2]);
    const even = raster(2, 2, 1, new Float32Array(4).fill(1));
    expect([...allocateSamples(even, { ...defaults, budgetSpp: 1.5 })]).toEqual([2, 2, 1, 1]);
  });

  it('keeps proportions among pixels between the limits', () => {
    const density = raster(4, 1, 1, Float32Array.of(1, 2, 4, 1000));
    // 60 - 1000 is limited to 32; 28 are shared 4 : 8 : 16.
    expect([...allocateSamples(density, { ...defaults, maxSpp: 32, budgetSpp: 15 })]).toEqual([4, 8, 16, 32]);
  });

  it('gives pixels without density samples only where the others have their maximum', () => {
    const density = raster(2, 1, 1, Float32Array.of(0, 1));
    expect([...allocateSamples(density, { ...defaults, maxSpp: 8, budgetSpp: 3 })]).toEqual([0, 6]);
    expect([...allocateSamples(density, { ...defaults, maxSpp: 8, budgetSpp: 6 })]).toEqual([4, 8]);
  });

  it('gives the pixels of a tile the same, to a sample', () => {
    fc.assert(
      fc.property(densities, (density) => {
        const samples = allocateSamples(density, { ...defaults, budgetSpp: 3.7, tile: 4 });
        const tiles = new Map<string, number[]>();
        for (const [i, count] of samples.entries()) {
          const key = `${Math.floor((i % density.width) / 4)},${Math.floor(i / density.width / 4)}`;
          tiles.set(key, [...(tiles.get(key) ?? []), count]);
        }
        for (const counts of tiles.values()) {
          expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        }
      }),
    );
  });

  it.each([
    [{ budgetSpp: -1 }, 'Expected a number in [0, 1000], between min and max for budget but received -1'],
    [{ budgetSpp: Number.NaN }, 'for budget but received NaN'],
    [
      { budgetSpp: 3, minSpp: 4 },
      'Expected a number in [4, 1000], between min and max for budget but received 3',
    ],
    [
      { budgetSpp: 3, maxSpp: 2 },
      'Expected a number in [0, 2], between min and max for budget but received 3',
    ],
    [{ budgetSpp: 3, minSpp: 1.5 }, 'Expected a whole number in [0, 1000000] for min but received 1.5'],
    [
      { budgetSpp: 3, minSpp: 3, maxSpp: 2 },
      'Expected a whole number in [3, 1000000] for max but received 2',
    ],
    [{ budgetSpp: 3, tile: 0 }, 'Expected a whole number in [1, 4096] for tile but received 0'],
  ])('refuses %o', (options, message) => {
    const density = raster(2, 2, 1, new Float32Array(4).fill(1));
    expect(() => allocateSamples(density, { ...defaults, ...options })).toThrow(message);
  });

  it('gives nothing of no budget', () => {
    const density = raster(2, 1, 1, Float32Array.of(1, 2));
    expect([...allocateSamples(density, { ...defaults, budgetSpp: 0 })]).toEqual([0, 0]);
  });

  it('refuses densities that are none', () => {
    const density = raster(2, 1, 1, Float32Array.of(1, -1));
    expect(() => allocateSamples(density, { ...defaults, budgetSpp: 1 })).toThrow('for the density');
  });
});
