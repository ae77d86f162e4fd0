import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cutIntoTiles, grow } from '../../src/image/region.js';

describe('grow', () => {
  it('adds the overlap on every side within the picture', () => {
    const tile = { x: 2, y: 10, width: 4, height: 6 };
    expect(grow(tile, 4, 100, 18)).toEqual({ x: 0, y: 6, width: 10, height: 12 });
  });
});

describe('cutIntoTiles', () => {
  const size = fc.integer({ min: 1, max: 700 }).map((n) => 2 * n);

  it('covers every pixel once with aligned tiles within the limit', () => {
    fc.assert(
      fc.property(size, size, fc.integer({ min: 1, max: 5 }), (width, height, workers) => {
        const limits = { overlap: 24, alignment: 2, maxPixels: 40_000, workers };
        const hits = new Uint8Array(width * height);
        for (const tile of cutIntoTiles(width, height, limits)) {
          const grown = grow(tile, limits.overlap, width, height);
          expect(grown.width * grown.height).toBeLessThanOrEqual(limits.maxPixels);
          expect([tile.x % 2, tile.y % 2, tile.width % 2, tile.height % 2]).toEqual([0, 0, 0, 0]);
          for (let y = tile.y; y < tile.y + tile.height; y++) {
            for (let x = tile.x; x < tile.x + tile.width; x++)
              hits[y * width + x] = (hits[y * width + x] ?? 0) + 1;
          }
        }
        expect(hits.every((count) => count === 1)).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('leaves a picture whole for one worker when it fits', () => {
    const tiles = cutIntoTiles(64, 40, { overlap: 10, alignment: 2, maxPixels: 64 * 40, workers: 1 });
    expect(tiles).toEqual([{ x: 0, y: 0, width: 64, height: 40 }]);
  });

  it('shares a large picture between workers', () => {
    const tiles = cutIntoTiles(1024, 1024, { overlap: 8, alignment: 2, maxPixels: 2 ** 22, workers: 2 });
    expect(tiles.length % 2).toBe(0);
  });
});
