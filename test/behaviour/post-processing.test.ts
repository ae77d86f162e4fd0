import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { attributeText } from '../../src/exr/attribute.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { blenderParts, exrFile, type Samples } from '../support/exr-files.js';
import { tilted } from '../support/tilted.js';

const MODELS = fileURLToPath(new URL('../../models', import.meta.url));
const PASSES = ['Combined.RGBA', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ', 'Depth.Z', 'IndexOB.X'];
const WINDOW = { xMin: 2, yMin: 4, xMax: 25, yMax: 19 };

const samples: Samples = (channel, i) => {
  if (channel.includes('Normal')) return tilted(channel.at(-1) as string, i);
  if (channel.includes('IndexOB')) return i % 3;
  return 0.5 + 0.3 * Math.sin(i * i + channel.length);
};

function file(scale = 1): Uint8Array {
  const window = {
    ...{ xMin: WINDOW.xMin * scale, yMin: WINDOW.yMin * scale },
    ...{ xMax: WINDOW.xMin * scale + 24 * scale - 1, yMax: WINDOW.yMin * scale + 16 * scale - 1 },
  };
  return exrFile(
    blenderParts('V', PASSES).map((part) => ({ ...part, window })),
    samples,
  );
}

const pool = new ExrPool();
let denoiser: Denoiser;

beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: MODELS, threads: 1 });
});

afterAll(() => Promise.all([denoiser.close(), pool.close()]));

const run = (request: Partial<DenoiseExrRequest>) =>
  denoiseExr({ exr: file(), model: 'pkn', ...request }, { pool, denoiser });

describe('a file', () => {
  it('gets the new size with all of its layers', async () => {
    const { exr, color, report } = await run({ finish: { upscale: 1.5 }, strength: 0.9 });
    const { parts } = readExr(exr);
    expect(parts.map(({ name }) => name)).toEqual(readExr(file()).parts.map(({ name }) => name));
    for (const { dataWindow } of parts) {
      expect(dataWindow).toEqual({ xMin: 3, yMin: 6, xMax: 38, yMax: 29 });
    }
    const [combined] = parts;
    expect(combined?.planes.get('V.Combined.R')?.data).toEqual(color.data.slice(0, 36 * 24));
    const index = parts.find(({ name }) => name === 'V.IndexOB')?.planes.get('V.IndexOB.X')?.data ?? [];
    expect(new Set(index)).toEqual(new Set([0, 1, 2]));
    expect(attributeText(combined?.attributes.get('quietframe:upscale'))).toBe('1.5');
    expect(attributeText(combined?.attributes.get('quietframe:strength'))).toBe('0.9');
    expect(report.input).toMatchObject({ width: 24, height: 16 });
    expect(report.finish).toMatchObject({ upscale: 1.5, strength: 0.9 });
  });

  it('is guided by the frame at the new size', async () => {
    const { report, color } = await run({ finish: { upscale: 2 }, guide: file(2) });
    expect(report.finish?.guides).toEqual(['albedo', 'normal']);
    expect(color).toMatchObject({ width: 48, height: 32 });
  });

  it('has the parameters as channels, where they are asked for', async () => {
    const plain = await run({ maps: { outputs: ['color', 'parameters'] } });
    const names = (exr: Uint8Array) =>
      readExr(exr).parts.flatMap(({ planes }) => [...planes.keys()].filter((name) => /param/.test(name)));
    expect(names(plain.exr)).toHaveLength(13);
    expect(names(plain.exr)).toContain('parameters.cross-bilateral.firefly');
    const large = await run({ finish: { upscale: 2 }, maps: { outputs: ['color', 'parameters'] } });
    expect(names(large.exr)).toHaveLength(17);
    expect(names((await run({ finish: { upscale: 2 } })).exr)).toHaveLength(0);
  });

  it.each<[string, Partial<DenoiseExrRequest>, string]>([
    ['a factor above 4', { finish: { upscale: 5 } }, 'invalid-argument'],
    ['a blur above 4 pixels', { finish: { deblur: 5 } }, 'invalid-argument'],
    ['a strength above 4', { strength: 5 }, 'invalid-argument'],
    ['a guide without a factor', { guide: file(2) }, 'invalid-argument'],
    ['a guide that is no OpenEXR', { guide: new Uint8Array(3), finish: { upscale: 2 } }, 'malformed-exr'],
    ['a guide of another size', { guide: file(3), finish: { upscale: 2 } }, 'mismatched-frames'],
    ['errors of a new size', { finish: { upscale: 2 }, maps: { outputs: ['error'] } }, 'invalid-argument'],
    ['parameters of kernels', { model: 'kpcn', maps: { outputs: ['parameters'] } }, 'invalid-argument'],
  ])('is not made of %s', async (_, request, code) => {
    await expect(run(request)).rejects.toMatchObject({ code });
  });
});
