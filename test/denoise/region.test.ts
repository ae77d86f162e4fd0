import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import type { Raster } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import { frameOf, TINY_MODELS } from './support.js';

let denoiser: Denoiser;

beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2 });
});

afterAll(() => denoiser.close());

function largestDifferenceWithin(a: Raster, b: Raster, { x, y, width, height }: Tile): number {
  let most = 0;
  for (let c = 0; c < a.channels; c++) {
    for (let row = y; row < y + height; row++) {
      for (let column = x; column < x + width; column++) {
        const i = (c * a.height + row) * a.width + column;
        most = Math.max(most, Math.abs((a.data[i] as number) - (b.data[i] as number)));
      }
    }
  }
  return most;
}

describe('a region of a frame', () => {
  it.each<Tile>([
    { x: 40, y: 30, width: 33, height: 21 },
    { x: 0, y: 0, width: 1, height: 1 },
    { x: 120, y: 0, width: 13, height: 99 },
    { x: 0, y: 0, width: 133, height: 99 },
  ])('is what the whole frame has there: %o', async (region) => {
    const frame = frameOf(133, 99);
    for (const request of [{}, { key: 'frame' }, { key: 'frame', lambda: 4 }]) {
      // Another picture in between: what it leaves behind must not be mistaken for the result.
      const whole = await denoiser.denoise(frame, request);
      await denoiser.denoise(frameOf(133, 99, 7));
      const part = await denoiser.denoise(frame, { ...request, region });
      expect(largestDifferenceWithin(whole.color, part.color, region)).toBeLessThan(1e-5);
    }
  });

  it('takes features that are kept, and leaves the other pixels alone', async () => {
    const frame = frameOf(256, 256, 3);
    const region = { x: 100, y: 100, width: 16, height: 16 };
    await denoiser.denoise(frame, { key: 'kept' });
    const whole = await denoiser.denoise(frame, { key: 'kept', lambda: 3 });
    await denoiser.denoise(frameOf(256, 256, 8));
    const part = await denoiser.denoise(frame, { key: 'kept', lambda: 3, region });
    expect(part.report.features).toMatchObject({ hits: 1, misses: 0 });
    const corner = { x: 0, y: 0, width: 16, height: 16 };
    expect(largestDifferenceWithin(whole.color, part.color, corner)).toBeGreaterThan(1e-3);
  });

  it.each<Tile>([
    { x: 0, y: 0, width: 65, height: 1 },
    { x: 64, y: 0, width: 1, height: 1 },
    { x: 0, y: 47, width: 1, height: 2 },
    { x: 0, y: 0, width: 0, height: 1 },
    { x: -1, y: 0, width: 2, height: 1 },
    { x: 0.5, y: 0, width: 2, height: 1 },
  ])('has to have pixels of the frame: %o', async (region) => {
    await expect(denoiser.denoise(frameOf(64, 48), { region })).rejects.toMatchObject({
      code: 'invalid-argument',
      details: { parameter: 'region' },
    });
  });
});
