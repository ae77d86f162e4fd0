import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../../src/denoise/denoiser.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { readExr } from '../../../src/exr/read-exr.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import { smape } from '../../../src/image/metrics.js';
import { type Raster, raster } from '../../../src/image/raster.js';

/** Real renders by a renderer that there is no table for: two halves and a reference; see `make.py`. */
const [a, b, reference] = await Promise.all([
  readFile(new URL('a.exr', import.meta.url)),
  readFile(new URL('b.exr', import.meta.url)),
  readFile(new URL('reference.exr', import.meta.url)),
]);
const MODELS = new URL('../../../models', import.meta.url).pathname;
const pool = new ExrPool({ workers: 1 });
let denoiser: Denoiser;

beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: MODELS, threads: 1 });
});

afterAll(() => Promise.all([pool.close(), denoiser.close()]));

function channel(exr: Uint8Array, name: string): Float32Array {
  return Float32Array.from(readExr(exr).parts[0]?.planes.get(name)?.data ?? []);
}

/** The color as a picture. */
function color(exr: Uint8Array): Raster {
  const planes = [...'RGB'].flatMap((name) => [...channel(exr, name)]);
  return raster(64, 48, 3, Float32Array.from(planes));
}

describe('frames of Radiance', () => {
  it('are denoised with the noise that their halves measure', async () => {
    const { exr, report } = await denoiseExr({ exr: a, halves: [a, b] }, { pool, denoiser });
    expect(report).toMatchObject({
      input: { source: 'generic', halfBuffers: true },
      varianceOrigin: 'half-buffers',
      warnings: [],
    });
    for (const name of ['albedo.G', 'N.Y']) expect(channel(exr, name)).toEqual(channel(a, name));
  });

  it('have a third of the error', async () => {
    const { exr } = await denoiseExr({ exr: a, halves: [a, b] }, { pool, denoiser });
    const [noisy, clean, wanted] = [a, exr, reference].map(color) as [Raster, Raster, Raster];
    expect(smape(clean, wanted) / smape(noisy, wanted)).toBeLessThan(0.36);
  });
});
