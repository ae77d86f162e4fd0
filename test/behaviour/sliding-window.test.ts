import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { FrameCache } from '../../src/files/window/frame-cache.js';
import { blenderParts, exrFile, type PartRecipe } from '../support/exr-files.js';

const modelsDirectory = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));
const pool = new ExrPool({ workers: 1 });
const [keeping, forgetting] = await Promise.all([
  Denoiser.load({ modelsDirectory, threads: 1 }),
  Denoiser.load({ modelsDirectory, threads: 1, featureCacheBytes: 0 }),
]);
afterAll(() => Promise.all([pool.close(), keeping.close(), forgetting.close()]));

const PASSES = ['Combined.RGB', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ', 'Vector.XYZW'];
const shot = Array.from({ length: 6 }, (_, time) =>
  exrFile(
    blenderParts('V', PASSES).map(
      (part): PartRecipe => ({ ...part, window: { xMin: 0, yMin: 0, xMax: 39, yMax: 23 } }),
    ),
    (channel, i) => {
      if (channel.includes('Vector')) return channel.endsWith('X') || channel.endsWith('Z') ? 0.75 : 0;
      if (channel.includes('Normal')) return channel.endsWith('Z') ? 1 : 0;
      const place = (i % 40) + 0.75 * time;
      const surface = 0.5 + 0.4 * Math.sin(place / 3 + Math.floor(i / 40));
      return channel.includes('Albedo') ? surface : surface * (0.6 + 0.5 * Math.sin(i * i * (time + 1)));
    },
  ),
);

function windowAt(center: number): DenoiseExrRequest {
  const offsets = [-2, -1, 1, 2].filter((offset) => shot[center + offset] !== undefined);
  return {
    exr: shot[center] as Uint8Array,
    neighbors: offsets.map((offset) => ({ offset, exr: shot[center + offset] as Uint8Array })),
  };
}

it('works on one new frame a step, and gives the bytes that it gives without anything kept', async () => {
  const frames = new FrameCache(2 ** 26);
  const counts = [];
  for (const center of [1, 2, 3, 4]) {
    const request = windowAt(center);
    const { exr, report } = await denoiseExr(request, { pool, denoiser: keeping, frames });
    counts.push([report.windowUsed, report.decoded.misses, report.features?.misses]);
    const fresh = await denoiseExr(request, { pool, denoiser: forgetting });
    expect(fresh.report.decoded.hits).toBe(0);
    expect(Buffer.compare(exr, fresh.exr)).toBe(0);
  }
  // Of each new frame the features, and what its own kernels make of it.
  expect(counts).toEqual([
    [4, 4, 8],
    [5, 1, 2],
    [5, 1, 2],
    [4, 0, 0],
  ]);
  const again = { ...windowAt(3), lambda: 4 };
  const { exr, report } = await denoiseExr(again, { pool, denoiser: keeping, frames });
  expect([report.decoded.misses, report.features?.misses]).toEqual([0, 0]);
  const fresh = await denoiseExr(again, { pool, denoiser: forgetting });
  expect(Buffer.compare(exr, fresh.exr)).toBe(0);
  const other = await denoiseExr(windowAt(3), { pool, denoiser: forgetting });
  expect(Buffer.compare(exr, other.exr)).not.toBe(0);
});
