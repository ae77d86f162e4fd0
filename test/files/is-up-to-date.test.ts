import { afterAll, expect, it } from 'vitest';
import type { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseRequest } from '../../src/denoise/types.js';
import { ExrPool } from '../../src/exr/pool.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { isDenoised } from '../../src/files/is-up-to-date.js';
import type { Frame } from '../../src/frame/frame.js';
import { blenderParts, exrFile, WINDOW } from '../support/exr-files.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

const denoiser: Pick<Denoiser, 'denoise' | 'windowSize'> = {
  denoise: async (frame: Frame, { lambda = 1, also = [] }: DenoiseRequest = {}) => ({
    color: frame.color,
    also,
    report: {
      ...{ model: 'stub', version: 1, encoder: 'cycles', device: 'cpu', executionProvider: 'cpu' },
      ...{ simd: 'plain', exposure: 1, windowUsed: 1, tiles: 1, stages: {}, seconds: 0 },
      lambda: typeof lambda === 'number' ? lambda : 2,
    },
  }),
  windowSize: () => 7,
};

const SPLIT = ['Diffuse Direct.RGB', 'Diffuse Indirect.RGB', 'Diffuse Color.RGB'];
const plain = exrFile(blenderParts('V', ['Combined.RGBA']), () => 0.5);
const split = exrFile(blenderParts('V', ['Combined.RGBA', ...SPLIT]), () => 0.5);
const moving = exrFile(blenderParts('V', ['Combined.RGBA', 'Vector.XYZW']), () => 0.5);
const map = (value: number): Uint8Array => exrFile([{ window: WINDOW, layers: ['Y'] }], () => value);

type Wanted = Omit<DenoiseExrRequest, 'exr'>;

it.each<[string, Uint8Array, Wanted, Wanted[]]>([
  ['lambda', plain, { lambda: 2.5 }, [{}, { lambda: 2 }, { lambdaMap: map(2.5) }]],
  ['no lambda', plain, {}, [{ lambda: 2 }, { lambdaMap: map(1) }]],
  ['a map of lambda', plain, { lambdaMap: map(2) }, [{}, { lambda: 2 }, { lambdaMap: map(3) }]],
  ['components', split, { components: 'split' }, [{}, { components: 'beauty' }]],
  ['the beauty', split, {}, [{ components: 'split' }]],
  ['layers', plain, { layers: { albedo: 'none' } }, [{}, { layers: { albedo: 'none', normal: 'none' } }]],
  ['motion', moving, { motion: 'to-both' }, [{}, { motion: 'auto' }, { motion: 'none' }]],
  ['motion by the table', moving, { motion: 'auto' }, [{ motion: 'none' }]],
  ['an encoder', plain, { encoder: 'color' }, [{}, { encoder: 'auto' }, { encoder: 'generic' }]],
  ['any encoder', plain, { encoder: 'auto' }, [{ encoder: 'cycles' }]],
  ['a prefilter', plain, { prefilter: 'off' }, [{}, { prefilter: 'auto' }, { prefilter: 'on' }]],
  ['a border that wraps', plain, { wrap: 'x' }, [{}, { wrap: 'none' }]],
  ['any border', plain, {}, [{ wrap: 'x' }]],
  ['borders that do not wrap', plain, { wrap: 'none' }, [{}, { wrap: 'x' }]],
  ['alpha', plain, { alpha: 'denoise' }, [{}, { alpha: 'auto' }]],
])('tells a file that was made with %s', async (_, exr, request, others) => {
  const { exr: made } = await denoiseExr({ exr, ...request }, { pool, denoiser });
  expect(await isDenoised(pool.header(made), request, 1)).toBe(true);
  expect(await isDenoised(pool.header(made), request, 3)).toBe(false);
  for (const other of others) expect(await isDenoised(pool.header(made), other, 1)).toBe(false);
  expect(await isDenoised(pool.header(exr), request, 1)).toBe(false);
});

it('takes a file whose borders did not wrap for one that was asked not to', async () => {
  const { exr } = await denoiseExr({ exr: plain }, { pool, denoiser });
  expect(await isDenoised(pool.header(exr), { wrap: 'none' }, 1)).toBe(true);
});

it('does not ask again for components that the file does not have', async () => {
  const { exr: made } = await denoiseExr({ exr: plain, components: 'split' }, { pool, denoiser });
  expect(await isDenoised(pool.header(made), { components: 'split' }, 1)).toBe(true);
});
