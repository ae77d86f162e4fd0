import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { STAGES } from '../../src/denoise/worker/jobs.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { largestDifference } from '../support/closeness.js';
import { frameOf, noise, TINY_MODELS } from './support.js';

let denoiser: Denoiser;

beforeAll(async () => {
  denoiser = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2 });
});

afterAll(() => denoiser.close());

describe('Denoiser', () => {
  it('lists its models', () => {
    expect(denoiser.models).toMatchObject([{ name: 'kpcn', version: 1, license: 'Apache-2.0' }]);
  });

  it.each([
    [1, 1],
    [9, 3],
    [13, 21],
    [64, 48],
    [101, 75],
  ])('denoises %i x %i pixels', async (width, height) => {
    const frame = frameOf(width, height);
    const { color, report } = await denoiser.denoise(frame);
    expect(color).toMatchObject({ width, height, channels: 3 });
    const least = frame.color.data.reduce((a, b) => Math.min(a, b));
    const most = frame.color.data.reduce((a, b) => Math.max(a, b));
    for (const value of color.data) {
      expect(value).toBeGreaterThan(least - 0.5);
      expect(value).toBeLessThan(most + 0.5);
    }
    expect(report).toMatchObject({
      model: 'kpcn',
      version: 1,
      encoder: 'cycles',
      device: 'cpu',
      executionProvider: 'cpu',
      lambda: 1,
    });
    const optional = ['prefilter', 'errors', 'parameters', 'deblur', 'magnify'];
    const always = STAGES.filter((stage) => !optional.includes(stage));
    expect(Object.keys(report.stages).sort()).toEqual([...always].sort());
  });

  it('keeps a constant picture of a constant albedo constant, whatever the kernels and blend weights', async () => {
    const constant = (value: number): Raster => raster(70, 50, 3, new Float32Array(10500).fill(value));
    const frame = { ...frameOf(70, 50), color: constant(3.25), albedo: constant(0.6) };
    const { color } = await denoiser.denoise(frame);
    for (const value of color.data) expect(value).toBeCloseTo(3.25, 4);
  });

  it('scales with the light', async () => {
    const frame = frameOf(48, 32);
    const scaled = {
      ...frame,
      color: raster(
        48,
        32,
        3,
        frame.color.data.map((value) => 4096 * value),
      ),
      colorVariance: raster(
        48,
        32,
        1,
        frame.colorVariance.data.map((value) => 4096 ** 2 * value),
      ),
    };
    const [a, b] = [await denoiser.denoise(frame), await denoiser.denoise(scaled)];
    expect(b.report.exposure * 4096).toBeCloseTo(a.report.exposure, 6);
    const back = raster(
      48,
      32,
      3,
      b.color.data.map((value) => value / 4096),
    );
    expect(largestDifference(a.color, back)).toBeLessThan(1e-4);
  });

  it('filters further layers with the kernels of the colour', async () => {
    const frame = frameOf(60, 44);
    const doubled = raster(
      60,
      44,
      3,
      frame.color.data.map((value) => 2 * value),
    );
    const alpha = raster(60, 44, 1, new Float32Array(60 * 44).fill(0.5));
    const { color, also } = await denoiser.denoise(frame, { also: [alpha, doubled] });
    const plain = await denoiser.denoise(frame);
    expect(largestDifference(color, plain.color)).toBeLessThan(1e-5);
    for (const value of also[0]?.data ?? []) expect(value).toBeCloseTo(0.5, 5);
    const half = raster(
      60,
      44,
      3,
      (also[1] as Raster).data.map((value) => value / 2),
    );
    expect(largestDifference(half, color)).toBeLessThan(1e-5);
  });

  it('gives tiles the values of the whole picture', async () => {
    const frame = frameOf(420, 330);
    const tiled = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 2, memoryBudgetBytes: 1 });
    const whole = await Denoiser.load({
      modelsDirectory: TINY_MODELS,
      threads: 1,
      memoryBudgetBytes: 2 ** 32,
    });
    const [a, b] = [await tiled.denoise(frame), await whole.denoise(frame)];
    await Promise.all([tiled.close(), whole.close()]);
    expect(a.report.tiles).toBeGreaterThan(8);
    expect(b.report.tiles).toBe(3);
    expect(largestDifference(a.color, b.color)).toBeLessThan(1e-5);
  });

  it('picks the encoder by what the frame has', async () => {
    const frame = frameOf(24, 16);
    const { albedo: _, normal: __, ...bare } = frame;
    const encoders = await Promise.all(
      [
        frame,
        { ...frame, source: 'pbrt' as const },
        { ...frame, source: 'generic' as const },
        { ...frame, varianceOrigin: 'estimated' as const },
        bare,
      ].map(async (input) => (await denoiser.denoise(input)).report.encoder),
    );
    expect(encoders).toEqual(['cycles', 'mitsuba', 'generic', 'generic', 'color']);
  });

  it('reports progress that only rises and is 1 once, at the end', async () => {
    const fractions: number[] = [];
    await denoiser.denoise(frameOf(200, 160), { onProgress: (fraction) => fractions.push(fraction) });
    expect(fractions.length).toBeGreaterThan(3);
    expect(fractions).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.filter((fraction) => fraction === 1)).toHaveLength(1);
    expect(fractions[0]).toBeGreaterThan(0);
  });

  it('stops at the next tile when it is aborted, and works on', async () => {
    const frame = frameOf(300, 200);
    const expected = await denoiser.denoise(frame);
    const controller = new AbortController();
    let calls = 0;
    const cancelled = denoiser.denoise(frame, {
      signal: controller.signal,
      onProgress: () => {
        calls++;
        controller.abort();
      },
    });
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    // A tile each of the two workers.
    expect(calls).toBeLessThanOrEqual(2);
    expect((await denoiser.denoise(frame)).color.data).toEqual(expected.color.data);
  });

  it('does not begin for a signal that has aborted, nor when it aborts in the queue', async () => {
    const frame = frameOf(64, 64);
    const controller = new AbortController();
    const first = denoiser.denoise(frame);
    const waiting = denoiser.denoise(frame, { signal: controller.signal });
    const last = denoiser.denoise(frame);
    controller.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    await expect(denoiser.denoise(frame, { signal: controller.signal })).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect((await first).color.data).toEqual((await last).color.data);
  });

  it('serves requests in the order of arrival', async () => {
    const order: number[] = [];
    await Promise.all(
      [180, 20, 90].map(async (size) => {
        await denoiser.denoise(frameOf(size, size));
        order.push(size);
      }),
    );
    expect(order).toEqual([180, 20, 90]);
  });

  it.each([
    [0.99, 'invalid-argument'],
    [10.1, 'invalid-argument'],
    [Number.NaN, 'invalid-argument'],
    [raster(8, 8, 1, new Float32Array(64).fill(2).fill(Number.NaN, 63)), 'invalid-argument'],
    [raster(8, 8, 1, new Float32Array(64).fill(2).fill(0.5, 0, 1)), 'invalid-argument'],
    [raster(8, 8, 2, new Float32Array(128).fill(2)), 'invalid-argument'],
    [raster(8, 9, 1, new Float32Array(72).fill(2)), 'mismatched-frames'],
  ])('refuses a lambda of %o', async (lambda, code) => {
    await expect(denoiser.denoise(frameOf(8, 8), { lambda })).rejects.toMatchObject({ code });
  });

  it('takes a lambda for all pixels as a map of it, and 1 as none', async () => {
    const frame = frameOf(40, 24);
    const map = (value: number): Raster => raster(40, 24, 1, new Float32Array(40 * 24).fill(value));
    const [one, ones, four, fours] = await Promise.all(
      [1, map(1), 4, map(4)].map((lambda) => denoiser.denoise(frame, { lambda })),
    );
    expect(ones?.color.data).toEqual(one?.color.data);
    expect(fours?.color.data).toEqual(four?.color.data);
    expect(four?.color.data).not.toEqual(one?.color.data);
    expect([four?.report.lambda, fours?.report.lambda]).toEqual([4, 4]);
  });

  it('obeys a map of lambda where it is not 1, and as far as the network sees from there', async () => {
    const frame = frameOf(160, 48);
    const map = raster(160, 48, 1, new Float32Array(160 * 48).fill(1));
    for (let i = 0; i < map.data.length; i++) if (i % 160 < 16) map.data[i] = 8;
    const [plain, mapped] = [await denoiser.denoise(frame), await denoiser.denoise(frame, { lambda: map })];
    const change = (from: number, to: number): number =>
      plain.color.data.reduce((most, value, i) => {
        const inside = i % 160 >= from && i % 160 < to;
        return inside ? Math.max(most, Math.abs(value - (mapped.color.data[i] as number))) : most;
      }, 0);
    expect(change(0, 16)).toBeGreaterThan(1e-4);
    // The coarsest level of four pixels has the farthest reach, 8 + 2 + 6 of its pixels.
    expect(change(96, 160)).toBe(0);
  });

  it('works on irradiance without the albedo', async () => {
    const frame = frameOf(24, 16);
    const plain = await denoiser.denoise(frame);
    const irradiance = await denoiser.denoise(frame, { irradiance: true });
    expect(irradiance.color.data).not.toEqual(plain.color.data);
  });

  it('refuses models that it does not have and layers of another size', async () => {
    const frame = frameOf(8, 8);
    await expect(denoiser.denoise(frame, { model: 'pkn' })).rejects.toMatchObject({ code: 'unknown-model' });
    const code = 'mismatched-frames';
    await expect(denoiser.denoise({ ...frame, albedo: noise(8, 9, 3) })).rejects.toMatchObject({ code });
    await expect(denoiser.denoise(frame, { also: [noise(7, 8, 1)] })).rejects.toMatchObject({ code });
    await expect(denoiser.denoise({ ...frame, color: noise(8, 8, 4) })).rejects.toMatchObject({
      code: 'invalid-argument',
    });
  });

  it('refuses options that are out of range', async () => {
    const load = (options: object): Promise<Denoiser> =>
      Denoiser.load({ modelsDirectory: TINY_MODELS, ...options });
    await expect(load({ threads: 0 })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(load({ threads: 1.5 })).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(load({ memoryBudgetBytes: Number.NaN })).rejects.toMatchObject({ code: 'invalid-argument' });
  });

  it('refuses a model whose module is no network, at loading', async () => {
    const models = await mkdtemp(join(tmpdir(), 'quietframe-models-'));
    await cp(TINY_MODELS, models, { recursive: true });
    const folder = join(models, 'kpcn', '1');
    const garbage = Buffer.from('not a network');
    await writeFile(join(folder, 'spatial_features.onnx'), garbage);
    const manifest = JSON.parse(await readFile(join(folder, 'model.json'), 'utf8'));
    manifest.modules.spatial_features.sha256 = createHash('sha256').update(garbage).digest('hex');
    await writeFile(join(folder, 'model.json'), JSON.stringify(manifest));
    await expect(Denoiser.load({ modelsDirectory: models, threads: 1 })).rejects.toMatchObject({
      code: 'model-damaged',
      message: expect.stringContaining('spatial_features'),
    });
    await rm(models, { recursive: true });
  });

  it('rejects requests when it is closed', async () => {
    const other = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1 });
    const running = expect(other.denoise(frameOf(64, 64))).rejects.toMatchObject({ code: 'cancelled' });
    await other.close();
    await running;
  });
});
