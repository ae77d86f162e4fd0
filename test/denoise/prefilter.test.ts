import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseRequest, WindowFrame } from '../../src/denoise/types.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { prefilteredModels } from '../kpcn/prefilter-support.js';
import { largestDifference } from '../support/closeness.js';
import { frameOf, noise, TINY_MODELS } from './support.js';

let denoiser: Denoiser;
let plain: Denoiser;
beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: prefilteredModels(), threads: 2 });
  plain = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1 });
});
afterAll(() => Promise.all([denoiser.close(), plain.close()]));

const SHIPPED_MODELS = fileURLToPath(new URL('../../models', import.meta.url));
const [WIDTH, HEIGHT] = [61, 45];

/** The frame with the buffers that the prefilter makes of it, which is not to be used again. */
async function cleaned(frame: Frame): Promise<Frame> {
  const { auxiliaries } = await denoiser.denoise(frame, { auxiliaries: true });
  return { ...frame, ...auxiliaries };
}

/** As sources whose encoder sees no variances of albedo and normals, so that frames with clean buffers say everything. */
function generic(seed = 0): Frame {
  return { ...frameOf(WIDTH, HEIGHT, seed), source: 'generic', varianceOrigin: 'estimated' };
}

function neighbor(offset: number, frame: Frame, key?: string): WindowFrame {
  const motion = raster(WIDTH, HEIGHT, 2);
  return { offset, frame, motion, ...(key !== undefined && { key }) };
}

const OFF: DenoiseRequest = { prefilter: 'off' };

describe('the auxiliary prefilter of a frame', () => {
  it('makes the buffers that guide the network, and says so', async () => {
    const frame = generic();
    const clean = await cleaned(frame);
    expect(largestDifference(clean.albedo as Raster, frame.albedo as Raster)).toBeGreaterThan(0.05);
    expect(largestDifference(clean.normal as Raster, frame.normal as Raster)).toBeGreaterThan(0.05);
    const result = await denoiser.denoise(frame);
    const expected = await denoiser.denoise(clean, OFF);
    const off = await denoiser.denoise(frame, OFF);
    expect(largestDifference(result.color, expected.color)).toBe(0);
    expect(largestDifference(result.color, off.color)).toBeGreaterThan(0.001);
    expect(result.report).toMatchObject({ prefilter: 'on', encoder: 'generic' });
    expect(off.report).toMatchObject({ prefilter: 'off' });
    expect(result.report.stages.prefilter).toBeGreaterThan(0);
    expect(off.report.stages).not.toHaveProperty('prefilter');
    expect(result.auxiliaries).toBeUndefined();
  });

  it('lets a measured variance of any renderer count', async () => {
    const frame: Frame = { ...frameOf(WIDTH, HEIGHT), source: 'generic' };
    expect((await denoiser.denoise(frame)).report.encoder).toBe('mitsuba');
    expect((await denoiser.denoise(frame, OFF)).report.encoder).toBe('generic');
    expect((await plain.denoise(frame)).report).toMatchObject({ encoder: 'generic', prefilter: 'none' });
  });

  it('is not run where measured variances say that there is no noise, unless it has to be', async () => {
    const variance = raster(WIDTH, HEIGHT, 1);
    const frame = { ...frameOf(WIDTH, HEIGHT), albedoVariance: variance, normalVariance: variance };
    const [auto, on, off] = await Promise.all([
      denoiser.denoise(frame),
      denoiser.denoise(frame, { prefilter: 'on' }),
      denoiser.denoise(frame, OFF),
    ]);
    expect([auto, on, off].map(({ report }) => report.prefilter)).toEqual(['clean', 'on', 'off']);
    expect(auto.report.stages).not.toHaveProperty('prefilter');
    expect(largestDifference(auto.color, on.color)).toBe(0);
    expect(largestDifference(auto.color, off.color)).toBe(0);
  });

  it('is refused where the model has none', async () => {
    const wanted = plain.denoise(generic(), { prefilter: 'on' });
    await expect(wanted).rejects.toMatchObject({
      code: 'not-implemented',
      details: { parameter: 'prefilter' },
    });
  });

  it('has nothing to do without albedo and normals, and leaves one that is missing missing', async () => {
    const { albedo, albedoVariance, normal: _, normalVariance: __, ...bare } = generic();
    expect((await denoiser.denoise(bare, { prefilter: 'on' })).report.prefilter).toBe('none');
    const result = await denoiser.denoise({ ...bare, albedo, albedoVariance } as Frame, {
      auxiliaries: true,
    });
    expect(result.report.prefilter).toBe('on');
    expect(Object.keys(result.auxiliaries ?? {})).toEqual(['albedo']);
    expect(largestDifference(result.auxiliaries?.albedo as Raster, albedo as Raster)).toBeGreaterThan(0.05);
  });

  it('is not run for an encoder that does not look at them', async () => {
    const { report } = await denoiser.denoise(generic(), { encoder: 'color', prefilter: 'on' });
    expect(report).toMatchObject({ prefilter: 'none', encoder: 'color' });
    expect(report.stages).not.toHaveProperty('prefilter');
  });

  it('estimates variances of both buffers where one was not measured', async () => {
    const { normalVariance: _, ...frame } = generic();
    const { albedoVariance: __, ...without } = frame;
    const [given, estimated] = await Promise.all([cleaned(frame), cleaned(without)]);
    expect(largestDifference(given.albedo as Raster, estimated.albedo as Raster)).toBe(0);
  });

  it.each([
    [1, 1],
    [9, 3],
    [2, 30],
  ])('works on %i x %i pixels', async (width, height) => {
    const { color, report } = await denoiser.denoise(frameOf(width, height), { prefilter: 'on' });
    expect(report.prefilter).toBe('on');
    expect([color.width, color.height]).toEqual([width, height]);
    expect(color.data.every(Number.isFinite)).toBe(true);
  });

  it('gives the same for whatever number of workers and memory', async () => {
    const frame = frameOf(400, 300);
    const small = await Denoiser.load({
      ...{ modelsDirectory: prefilteredModels(), threads: 1, memoryBudgetBytes: 2 ** 20 },
    });
    const [a, b] = [await denoiser.denoise(frame), await small.denoise(frame)];
    expect(largestDifference(a.color, b.color)).toBeLessThan(1e-4);
    await small.close();
  });

  it('is finite for albedos far above 1 and variances of any size', async () => {
    const { albedo, albedoVariance, ...rest } = generic();
    const scaled = (of: Raster, factor: number): Raster =>
      raster(
        of.width,
        of.height,
        of.channels,
        of.data.map((value) => factor * value),
      );
    for (const [factor, of] of [
      [50, 1],
      [1e4, 1e8],
      [0, 1],
    ] as const) {
      const frame = {
        ...rest,
        albedo: scaled(albedo as Raster, factor),
        albedoVariance: scaled(albedoVariance as Raster, of),
      };
      const { color, report, auxiliaries } = await denoiser.denoise(frame, { auxiliaries: true });
      expect(report.prefilter).toBe('on');
      const noisy = (frame.albedo.data as Float32Array).reduce((most, value) => Math.max(most, value), 0);
      // Kernels are convex: nothing becomes brighter than it was.
      expect(auxiliaries?.albedo?.data.every((value) => value >= 0 && value <= noisy * 1.0001)).toBe(true);
      expect(color.data.every(Number.isFinite)).toBe(true);
    }
  });

  it('can be cancelled', async () => {
    const abort = new AbortController();
    const denoising = denoiser.denoise(frameOf(400, 300), {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(denoising).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('counts in the progress, which ascends to 1', async () => {
    const progress: number[] = [];
    await denoiser.denoise(frameOf(200, 100), { onProgress: (fraction) => progress.push(fraction) });
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
    expect(progress.every((fraction) => fraction > 0 && fraction <= 1)).toBe(true);
  });
});

it('makes the buffers that guide the prediction of errors', async () => {
  const shipped = await Denoiser.load({ modelsDirectory: SHIPPED_MODELS, threads: 1 });
  try {
    const frame = generic();
    const options = { errors: true, auxiliaries: true };
    const { errors, auxiliaries, report } = await shipped.denoise(frame, options);
    expect(report.prefilter).toBe('on');
    const clean = await shipped.denoise({ ...frame, ...auxiliaries }, { ...options, prefilter: 'off' });
    const noisy = await shipped.denoise(frame, { ...options, prefilter: 'off' });
    for (const metric of ['smape', 'dssim'] as const)
      expect(largestDifference(errors?.[metric] as Raster, clean.errors?.[metric] as Raster)).toBe(0);
    expect(largestDifference(errors?.smape as Raster, noisy.errors?.smape as Raster)).toBeGreaterThan(0.001);
  } finally {
    await shipped.close();
  }
});

describe('the auxiliary prefilter of a window', () => {
  it('cleans every frame', async () => {
    const frames = [generic(), generic(3), generic(5)] as [Frame, Frame, Frame];
    const clean = (await Promise.all(frames.map(cleaned))) as [Frame, Frame, Frame];
    const window = ([_, before, after]: [Frame, Frame, Frame]): WindowFrame[] => [
      neighbor(-1, before),
      neighbor(2, after),
    ];
    const lambda = noise(WIDTH, HEIGHT, 1, 1);
    for (let i = 0; i < lambda.data.length; i++) lambda.data[i] = 1 + 4 * (lambda.data[i] as number);
    for (const request of [{}, { lambda }]) {
      const result = await denoiser.denoise(frames[0], { ...request, neighbors: window(frames) });
      const expected = await denoiser.denoise(clean[0], { ...request, ...OFF, neighbors: window(clean) });
      expect(result.report).toMatchObject({ prefilter: 'on', windowUsed: 3 });
      expect(largestDifference(result.color, expected.color)).toBe(0);
    }
  });

  it('runs once for each frame, and not again for another lambda or a later window', async () => {
    const frames = [0, 3, 5].map(generic) as [Frame, Frame, Frame];
    const neighbors = [neighbor(-1, frames[1], 'b'), neighbor(2, frames[2], 'c')];
    const first = await denoiser.denoise(frames[0], { key: 'a', neighbors });
    expect(first.report.stages.prefilter).toBeGreaterThan(0);
    expect(first.report.features).toMatchObject({ hits: 0 });
    const again = await denoiser.denoise(frames[0], { key: 'a', neighbors });
    expect(again.report.stages).not.toHaveProperty('prefilter');
    expect(largestDifference(first.color, again.color)).toBe(0);
    const other = await denoiser.denoise(frames[0], { key: 'a', neighbors, lambda: 3 });
    expect(other.report.stages).not.toHaveProperty('prefilter');
    const later = await denoiser.denoise(frames[1], { key: 'b', neighbors: [neighbor(1, frames[0], 'a')] });
    expect(later.report.stages).not.toHaveProperty('prefilter');
    expect(later.report.prefilter).toBe('on');
  });

  it('does not take what was kept of frames that were not filtered, nor the reverse', async () => {
    const frame = generic(9);
    const neighbors = [neighbor(-1, generic(11), 'other')];
    const off = await denoiser.denoise(frame, { ...OFF, key: 'mixed', neighbors });
    const on = await denoiser.denoise(frame, { key: 'mixed', neighbors });
    const offAgain = await denoiser.denoise(frame, { ...OFF, key: 'mixed', neighbors });
    expect(on.report.features).toMatchObject({ hits: 0 });
    expect(largestDifference(on.color, off.color)).toBeGreaterThan(0.001);
    expect(largestDifference(offAgain.color, off.color)).toBe(0);
  });

  it('runs once for the components of a frame', async () => {
    const frame = generic(13);
    const [a, b] = [
      await denoiser.denoise(frame, { key: 'x diffuse', auxiliaryKey: 'x' }),
      await denoiser.denoise(frame, { key: 'x specular', auxiliaryKey: 'x' }),
    ];
    expect(a.report.stages.prefilter).toBeGreaterThan(0);
    expect(b.report.stages).not.toHaveProperty('prefilter');
    expect(b.report.prefilter).toBe('on');
  });
});
