import { afterAll, describe, expect, it } from 'vitest';
import type { DenoiseRequest, DenoiseResult } from '../../../src/denoise/types.js';
import { QuietframeError } from '../../../src/errors.js';
import { attributeText } from '../../../src/exr/attribute.js';
import { readHeader } from '../../../src/exr/header.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { readExr } from '../../../src/exr/read-exr.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../../src/files/denoise-file/types.js';
import type { Frame } from '../../../src/frame/frame.js';
import { type Raster, raster } from '../../../src/image/raster.js';
import { blenderParts, exrFile } from '../../support/exr-files.js';
import { StubDenoiser } from '../../support/stub-denoiser.js';
import { tilted } from '../../support/tilted.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

/** Filters all it is given with one kernel, which depends on the colour: means with weights of the colour's own. */
class KernelDenoiser extends StubDenoiser {
  override async denoise(frame: Frame, request: DenoiseRequest = {}): Promise<DenoiseResult> {
    const { report, ...result } = await super.denoise(frame, request);
    const predictedError = { smape: 0.1, dssim: 0.1, decay: 0.5, lambda: 1 as const };
    return {
      ...result,
      ...(request.errors && {
        errors: {
          smape: raster(frame.width, frame.height, 1),
          dssim: raster(frame.width, frame.height, 1),
        },
        relativeVariance: raster(frame.width, frame.height, 1),
      }),
      // One of all passes, and one of this.
      fireflies: [7, 10 - this.seen.length],
      report: {
        ...report,
        features: { hits: 1, misses: 2, bytes: 100 },
        ...(request.errors && { predictedError }),
      },
    };
  }

  protected override filter({ width, height, channels, data }: Raster, { color }: Frame): Raster {
    const pixels = width * height;
    const filtered = data.map((value, i) => {
      const own = color.data[i % pixels] as number;
      const weight = 1 / (1 + own * own);
      return (1 - weight) * value + weight * (data[i % pixels === 0 ? i : i - 1] as number);
    });
    return raster(width, height, channels, filtered);
  }
}

const LOBES = ['Diffuse Direct', 'Diffuse Indirect', 'Glossy Direct', 'Glossy Indirect', 'Emission'];
const SURFACES = new Map([
  ['Diffuse Direct', 'Diffuse Color'],
  ['Diffuse Indirect', 'Diffuse Color'],
  ['Glossy Direct', 'Glossy Color'],
  ['Glossy Indirect', 'Glossy Color'],
]);
const GROUPS = ['Combined_fill', 'Combined_key'];
const PASSES = [
  ...[
    'Combined.RGBA',
    'Denoising Albedo.RGB',
    'Denoising Normal.XYZ',
    'Diffuse Color.RGB',
    'Glossy Color.RGB',
  ],
  ...[...LOBES, ...GROUPS].map((name) => `${name}.RGB`),
];

function light(name: string, c: string, i: number): number {
  return 0.1 + Math.abs(Math.sin(name.length * 3.7 + c.charCodeAt(0) + i * 1.3)) ** 2;
}

function surface(name: string | undefined, c: string, i: number): number {
  return name === undefined ? 1 : 0.25 + 0.5 * Math.abs(Math.sin(i * 0.9 + c.charCodeAt(0) + name.length));
}

/** A frame whose lobes, and whose groups, add up to the beauty. */
function sample(channel: string, i: number): number {
  const [layer, c] = [channel.slice(2, channel.lastIndexOf('.')), channel.at(-1) as string];
  if (c === 'A') return 1;
  if (layer.includes('Normal')) return tilted(c, i);
  if (layer.includes('Color') || layer.includes('Albedo')) return surface(layer, c, i);
  if (LOBES.includes(layer)) return light(layer, c, i);
  const beauty = LOBES.reduce((sum, name) => sum + light(name, c, i) * surface(SURFACES.get(name), c, i), 0);
  const share = 0.2 + 0.6 * Math.abs(Math.sin(i));
  return layer === 'Combined' ? beauty : layer === 'Combined_key' ? share * beauty : (1 - share) * beauty;
}

const render = (passes: readonly string[] = PASSES, at = sample): Uint8Array =>
  exrFile(blenderParts('V', passes), at);

const run = (request: Partial<DenoiseExrRequest>, denoiser = new KernelDenoiser()) =>
  denoiseExr({ exr: render(), components: 'split', ...request }, { pool, denoiser });

function planes(exr: Uint8Array): Map<string, ArrayLike<number>> {
  return new Map(
    readExr(exr).parts.flatMap((part) =>
      [...part.planes.values()].map(({ name, data }) => [name.slice(2), data] as const),
    ),
  );
}

/** The largest difference of the sum of layers, each times its surface's colour, to the beauty. */
function distance(exr: Uint8Array, layers: readonly string[]): number {
  const found = planes(exr);
  let most = 0;
  for (const c of ['R', 'G', 'B']) {
    const beauty = found.get(`Combined.${c}`) as ArrayLike<number>;
    for (let i = 0; i < beauty.length; i++) {
      const sum = layers.reduce((total, layer) => {
        const color = SURFACES.get(layer);
        const of = color === undefined ? 1 : (found.get(`${color}.${c}`)?.[i] as number);
        return total + of * (found.get(`${layer}.${c}`)?.[i] as number);
      }, 0);
      most = Math.max(most, Math.abs(sum - (beauty[i] as number)));
    }
  }
  return most;
}

describe('components', () => {
  it('are denoised on their own, and make up the denoised beauty', async () => {
    const denoiser = new KernelDenoiser();
    const { report, color } = await run({}, denoiser);
    const [irradiance, albedo, specular] = denoiser.seen;
    expect(denoiser.seen.map(({ request }) => request.irradiance ?? false)).toEqual([true, false, false]);
    expect(new Set(denoiser.seen.map(({ request }) => request.key)).size).toBe(3);
    for (const i of [0, 5, 40]) {
      const diffuse = light('Diffuse Direct', 'R', i) + light('Diffuse Indirect', 'R', i);
      const own = surface('Diffuse Color', 'R', i);
      expect(irradiance?.frame.color.data[i]).toBeCloseTo(diffuse, 5);
      expect(albedo?.frame.color.data[i]).toBeCloseTo(own, 5);
      expect(specular?.frame.color.data[i]).toBeCloseTo(sample('V.Combined.R', i) - diffuse * own, 5);
    }
    const results = await Promise.all(
      denoiser.seen.map(({ frame }) =>
        new KernelDenoiser().denoise(frame).then((result) => result.color.data),
      ),
    );
    for (const i of [1, 17, 33, 100]) {
      const [e, a, s] = results.map((data) => data[i] as number) as [number, number, number];
      expect(color.data[i]).toBeCloseTo(e * a + s, 5);
    }
    expect([report.components, report.tiles, report.stages.network, report.features]).toEqual([
      'split',
      6,
      0.75,
      { hits: 3, misses: 6, bytes: 100 },
    ]);
  });

  it('show the fireflies of any of them', async () => {
    const { exr, report } = await run({ maps: { outputs: ['color', 'fireflies'] } });
    const [mask = []] = readExr(exr).parts.flatMap(({ planes }) => {
      const data = planes.get('fireflies.mask')?.data;
      return data === undefined ? [] : [[...data]];
    });
    expect(mask.flatMap((value, i) => (value === 1 ? [i] : []))).toEqual([7, 8, 9]);
    expect(report.fireflies).toBe(3);
  });

  it('keep the sums of lobes and of light groups, to float precision', async () => {
    const exr = render();
    expect(distance(exr, LOBES)).toBeLessThan(1e-5);
    expect(distance(exr, GROUPS)).toBeLessThan(1e-5);
    const denoiser = new KernelDenoiser();
    const result = await run({ exr, aovs: 'all' }, denoiser);
    expect(result.report.aovs).toEqual([...GROUPS, ...LOBES]);
    expect(denoiser.seen.map(({ request }) => request.also?.length)).toEqual([2, 0, 3, 2]);
    expect(distance(result.exr, LOBES)).toBeLessThan(2e-5);
    expect(distance(result.exr, GROUPS)).toBeLessThan(2e-5);
    const [before, after] = [planes(exr), planes(result.exr)];
    for (const layer of ['Combined', ...LOBES, ...GROUPS]) {
      expect(after.get(`${layer}.R`)).not.toEqual(before.get(`${layer}.R`));
    }
  });

  it('keep the sums of half buffers, too', async () => {
    // Light and surfaces differ together: the mean of their products is not the product of their means.
    const halves = [
      [0.75, 1.2],
      [1.25, 0.8],
    ].map(([irradiance = 1, surface = 1]) =>
      render(PASSES, (channel, i) => {
        if (channel.includes('Albedo') || /Normal|A$/.test(channel)) return sample(channel, i);
        if (channel.includes('Color')) return surface * sample(channel, i);
        const isDivided = /Direct|Indirect/.test(channel);
        return irradiance * (isDivided ? 1 : surface) * sample(channel, i);
      }),
    ) as [Uint8Array, Uint8Array];
    const denoiser = new KernelDenoiser();
    const result = await run({ exr: render(), halves, aovs: 'all' }, denoiser);
    expect(denoiser.seen.map(({ frame }) => frame.varianceOrigin)).toEqual(Array(4).fill('half-buffers'));
    expect(distance(result.exr, LOBES)).toBeLessThan(2e-5);
    expect(distance(result.exr, GROUPS)).toBeLessThan(2e-5);
  });

  it('of all frames of a window go together', async () => {
    const denoiser = new KernelDenoiser();
    await run({ neighbors: [{ exr: render(), offset: 1 }], aovs: 'all' }, denoiser);
    for (const { frame, request } of denoiser.seen) {
      const [next] = request.neighbors ?? [];
      expect(next?.frame.color).toEqual(frame.color);
      expect(next?.also).toEqual(request.also);
      expect(next?.key).toBe(request.key);
    }
    const beautyOnly = render(PASSES.filter((pass) => !pass.startsWith('Diffuse')));
    const error = await run({ neighbors: [{ exr: beautyOnly, offset: 1 }] }).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(QuietframeError);
    expect(error).toMatchObject({ code: 'mismatched-frames', details: { frame: 'neighbor[1]' } });
  });

  it('leave alpha and predicted errors to a pass over the beauty', async () => {
    const denoiser = new KernelDenoiser();
    const seen: number[] = [];
    const { report } = await run(
      {
        alpha: 'denoise',
        maps: { outputs: ['color', 'error'] },
        onProgress: (fraction) => seen.push(fraction),
      },
      denoiser,
    );
    expect(denoiser.seen.map(({ request }) => [request.errors, request.also?.length])).toEqual([
      [false, 0],
      [false, 0],
      [false, 0],
      [true, 1],
    ]);
    expect(report.predictedError?.smape).toBe(0.1);
    expect(seen.every((value, i) => value > (seen[i - 1] ?? 0))).toBe(true);
    expect(seen.at(-1)).toBe(1);
  });

  it('are one where the file has no split, or none was asked for', async () => {
    const plain = render(['Combined.RGBA', 'Denoising Albedo.RGB', 'Denoising Normal.XYZ']);
    const { report, exr } = await run({ exr: plain });
    expect([report.components, report.warnings.map(({ code }) => code)]).toEqual(['beauty', ['no-split']]);
    expect(attributeText(readHeader(exr).parts[0]?.attributes.get('quietframe:components'))).toBe('beauty');
    const denoiser = new KernelDenoiser();
    const beauty = await denoiseExr({ exr: render(), aovs: 'all' }, { pool, denoiser });
    expect([beauty.report.components, denoiser.seen.length, beauty.report.warnings]).toEqual([
      'beauty',
      1,
      [],
    ]);
    expect(distance(beauty.exr, LOBES)).toBeLessThan(2e-5);
  });

  it('are not magnified', async () => {
    await expect(run({ finish: { upscale: 2 } })).rejects.toMatchObject({ code: 'invalid-argument' });
  });
});
