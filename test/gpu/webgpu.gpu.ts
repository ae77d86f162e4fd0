import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { raster } from '../../src/image/raster.js';
import { frameOf, largestDifference, noise, TINY_MODELS } from '../denoise/support.js';

const SHIPPED = fileURLToPath(new URL('../../models', import.meta.url));

describe.each([
  { name: 'a small bundle', modelsDirectory: TINY_MODELS },
  { name: 'the shipped bundle', modelsDirectory: SHIPPED },
])('WebGPU with $name', ({ modelsDirectory }) => {
  let host: Denoiser;
  let device: Denoiser;

  beforeAll(async () => {
    host = await Denoiser.load({ modelsDirectory, threads: 1 });
    // Tiles as small as can be.
    device = await Denoiser.load({ modelsDirectory, threads: 1, device: 'webgpu', memoryBudgetBytes: 1 });
  });
  afterAll(async () => {
    await Promise.all([host.close(), device.close()]);
  });

  it('is named in the list of models', () => {
    expect(device.models.find(({ name }) => name === 'kpcn')?.device).toBe('webgpu');
    expect(device.deviceRefusals).toEqual([]);
  });

  it('denoises a frame and a further layer as the CPU does', async () => {
    const frame = frameOf(38, 27);
    const also = [noise(38, 27, 3, 2)];
    const received = await device.denoise(frame, { also, key: 'a frame whose features could be kept' });
    const wanted = await host.denoise(frame, { also });
    expect(received.report).toMatchObject({ device: 'webgpu', executionProvider: 'webgpu' });
    expect(received.report.features).toBeUndefined();
    expect(wanted.report).toMatchObject({ device: 'cpu', executionProvider: 'cpu' });
    expect(largestDifference(received.color, wanted.color)).toBeLessThan(1e-4);
    expect(
      largestDifference(received.also[0] ?? raster(0, 0, 1), wanted.also[0] ?? raster(0, 0, 1)),
    ).toBeLessThan(1e-4);
    // By other means: not the same to the last bit.
    expect(received.color.data).not.toEqual(wanted.color.data);
  });

  it('leaves windows to the CPU, and says so', async () => {
    const frame = frameOf(32, 24);
    const neighbors = [{ offset: 1, frame: frameOf(32, 24, 1), motion: raster(32, 24, 2) }];
    const { report } = await device.denoise(frame, { neighbors });
    expect(report).toMatchObject({ device: 'cpu', windowUsed: 2 });
  });
});
