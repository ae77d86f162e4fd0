import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseRequest, WindowFrame } from '../../src/denoise/types.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { frameOf, noise, TINY_MODELS } from '../denoise/support.js';
import { largestDifference } from '../support/closeness.js';

const SHIPPED = fileURLToPath(new URL('../../models', import.meta.url));

type Window = readonly [name: string, offsets: readonly number[], request: DenoiseRequest];
const WITH_LAMBDA: Window = [
  'frames on one side with a map of lambda',
  [-2, -1],
  { lambda: lambdaOf(38, 27) },
];
/** The shipped bundle takes minutes for a window. */
const BUNDLES = [
  {
    ...{ name: 'a small bundle', modelsDirectory: TINY_MODELS },
    windows: [
      ['two frames', [1], {}],
      ['seven frames', [-3, -2, -1, 1, 2, 3], {}],
      ['irradiance', [-1, 1], { irradiance: true }],
      WITH_LAMBDA,
    ] satisfies Window[],
    shots: [4],
  },
  { name: 'the shipped bundle', modelsDirectory: SHIPPED, windows: [WITH_LAMBDA], shots: [] },
];

describe.each(BUNDLES)('WebGPU with $name', ({ modelsDirectory, windows, shots }) => {
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

  it.each(windows)('joins a window of %s as the CPU does', async (_, offsets, request) => {
    const frame = frameOf(38, 27);
    const also = [noise(38, 27, 1, 2)];
    const neighbors = offsets.map((offset) => windowFrame(38, 27, offset));
    const received = await device.denoise(frame, { ...request, also, neighbors });
    const wanted = await host.denoise(frame, { ...request, also, neighbors });
    expect(received.report).toMatchObject({
      ...{ device: 'webgpu', executionProvider: 'webgpu', windowUsed: 1 + offsets.length },
    });
    expect(largestDifference(received.color, wanted.color)).toBeLessThan(1e-4);
    expect(
      largestDifference(received.also[0] ?? raster(0, 0, 1), wanted.also[0] ?? raster(0, 0, 1)),
    ).toBeLessThan(1e-4);
    const single = await host.denoise(frame, { ...request, also });
    expect(largestDifference(single.color, wanted.color)).toBeGreaterThan(1e-3);
  });

  it.each<number>(shots)(
    'makes one estimate a step for a window that slides over %d frames',
    async (length) => {
      const shot = Array.from({ length }, (_, n) => ({ frame: frameOf(38, 27, n), key: `frame ${n}` }));
      const windowOf = (center: number): Parameters<Denoiser['denoise']> => {
        const others = shot.flatMap(({ frame, key }, n) => {
          const offset = n - center;
          if (offset === 0 || Math.abs(offset) > 1) return [];
          const { motion } = windowFrame(38, 27, offset);
          return [{ offset, frame, motion, key }];
        });
        const { frame, key } = shot[center] ?? { frame: frameOf(1, 1), key: '' };
        return [frame, { key, neighbors: others }];
      };
      await device.denoise(...windowOf(1));
      const received = await device.denoise(...windowOf(2));
      expect(received.report.features).toMatchObject({ hits: 2, misses: 1 });
      const wanted = await host.denoise(...windowOf(2));
      expect(largestDifference(received.color, wanted.color)).toBeLessThan(1e-4);
    },
  );
});

/** A frame of a window whose motion has rests of pixels, leads out of it, and is not known here and there. */
function windowFrame(width: number, height: number, offset: number): WindowFrame {
  const motion = raster(width, height, 2);
  for (let i = 0; i < motion.data.length; i++) {
    motion.data[i] = i % 17 === 0 ? Number.NaN : offset * 4.3 + 3 * Math.sin(i / 9);
  }
  const also = [noise(width, height, 1, 2, offset)];
  return { offset, frame: frameOf(width, height, offset + 5), motion, also };
}

function lambdaOf(width: number, height: number): Raster {
  return raster(
    width,
    height,
    1,
    noise(width, height, 1, 3).data.map((value) => 1 + value),
  );
}
