import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { relativeMse, smape } from '../../src/image/metrics.js';
import { type Raster, raster } from '../../src/image/raster.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pool = new ExrPool({ workers: 1 });
const denoiser = await Denoiser.load({ modelsDirectory: `${root}models`, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const example = (name: string): Uint8Array => readFileSync(`${root}examples/window/${name}.0004.exr`);

/** The beauty of an example file, or of one that was denoised. */
async function beauty(exr: Uint8Array): Promise<Raster> {
  const planes = (await pool.read(exr)).parts[0]?.planes;
  const picture = raster(480, 270, 3);
  for (const [c, name] of ['R', 'G', 'B'].entries()) {
    picture.data.set(planes?.get(`ViewLayer.Combined.${name}`)?.data ?? [], c * 480 * 270);
  }
  return picture;
}

it('joins three frames of the example without the samples that hit its moving lantern by chance', async () => {
  const frame = (name: string): Uint8Array => readFileSync(`${root}examples/window/${name}.exr`);
  const neighbors = [
    { offset: -1, exr: frame('frame.0003') },
    { offset: 1, exr: frame('frame.0005') },
  ];
  const { color } = await denoiseExr({ exr: example('frame'), neighbors }, { pool, denoiser });
  expect(relativeMse(color, await beauty(example('reference')))).toBeLessThan(0.06);
});

it('denoises the bright area beside the lantern of the example, where both halves are bright by chance', async () => {
  const region = { x: 418, y: 118, width: 16, height: 22 };
  const halves = [example('half_a'), example('half_b')] as const;
  const { color, noisy } = await denoiseExr({ exr: halves[0], halves, region }, { pool, denoiser });
  const planes = (await pool.read(example('reference'))).parts[0]?.planes;
  const reference = raster(region.width, region.height, 3);
  for (const [c, name] of ['R', 'G', 'B'].entries()) {
    const samples = planes?.get(`ViewLayer.Combined.${name}`)?.data ?? [];
    for (let y = 0; y < region.height; y++) {
      for (let x = 0; x < region.width; x++) {
        const at = (c * region.height + y) * region.width + x;
        reference.data[at] = samples[(region.y + y) * 480 + region.x + x] as number;
      }
    }
  }
  expect(smape(color, reference)).toBeLessThan(0.5 * smape(noisy, reference));
});
