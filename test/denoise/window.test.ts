import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseRequest, WindowFrame } from '../../src/denoise/types.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { largestDifference } from '../support/closeness.js';
import { frameOf, JOINT_MODELS, noise, TINY_MODELS } from './support.js';

function motionOf(width: number, height: number, x: number, y: number): Raster {
  const motion = raster(width, height, 2);
  motion.data.fill(x, 0, width * height).fill(y, width * height);
  return motion;
}

function neighbor(offset: number, frame: Frame, x = 0, y = 0, key?: string): WindowFrame {
  const motion = motionOf(frame.width, frame.height, x, y);
  return { offset, frame, motion, ...(key !== undefined && { key }) };
}

/** Every layer of a frame moved, what leaves it coming in again on the other side. */
function rolled(frame: Frame, dx: number, dy: number): Frame {
  const roll = (layer: Raster): Raster => {
    const { width, height, channels } = layer;
    const data = layer.data.map((_, i) => {
      const [x, y, c] = [i % width, Math.floor(i / width) % height, Math.floor(i / width / height)];
      const from = ((y - dy + height) % height) * width + ((x - dx + width) % width);
      return layer.data[c * width * height + from] as number;
    });
    return raster(width, height, channels, data);
  };
  const layers = Object.entries(frame).map(([name, value]) => [
    name,
    typeof value === 'object' ? roll(value as Raster) : value,
  ]);
  return { ...frame, ...Object.fromEntries(layers) };
}

describe.each([
  { kernels: 'of filtered frames', modelsDirectory: TINY_MODELS },
  { kernels: 'of noisy frames', modelsDirectory: JOINT_MODELS },
])('Denoiser with a window and kernels $kernels', ({ modelsDirectory }) => {
  let denoiser: Denoiser;

  beforeAll(async () => {
    denoiser = await Denoiser.load({ modelsDirectory, threads: 2 });
  });

  afterAll(() => denoiser.close());

  it('takes the other frames into account and says how many', async () => {
    const frame = frameOf(64, 48);
    const neighbors = [-2, 1].map((offset) => neighbor(offset, frameOf(64, 48, 5)));
    const [single, windowed] = [await denoiser.denoise(frame), await denoiser.denoise(frame, { neighbors })];
    expect(windowed.report).toMatchObject({ windowUsed: 3, encoder: 'cycles' });
    expect(largestDifference(single.color, windowed.color)).toBeGreaterThan(0.01);
  });

  it('keeps constant pictures constant', async () => {
    const constant = (frame: Frame): Frame => ({
      ...{ ...frame, color: raster(61, 43, 3, new Float32Array(3 * 61 * 43).fill(2.5)) },
      albedo: raster(61, 43, 3, new Float32Array(3 * 61 * 43).fill(0.5)),
    });
    const neighbors = [-3, -2, -1, 1, 2, 3].map((offset) =>
      neighbor(offset, constant(frameOf(61, 43, offset + 9)), offset * 1.3, -offset),
    );
    const { color } = await denoiser.denoise(constant(frameOf(61, 43)), { neighbors });
    for (const value of color.data) expect(value).toBeCloseTo(2.5, 4);
  });

  it('sees the same in a window that moves by whole pixels as in one that stands still', async () => {
    const [width, height] = [192, 160];
    const center = frameOf(width, height);
    const other = frameOf(width, height, 3);
    const still = await denoiser.denoise(center, { neighbors: [neighbor(-1, other)] });
    const moved = rolled(other, 16, -16);
    const moving = await denoiser.denoise(center, { neighbors: [neighbor(-1, moved, 16, -16)] });
    // Away from the border, which is somewhere else in a frame that was rolled: 4 x (14 + 6 + 2) pixels, the compositor, 16.
    const reach = 64;
    let most = 0;
    for (let y = reach; y < height - reach; y++) {
      for (let x = reach; x < width - reach; x++) {
        for (let c = 0; c < 3; c++) {
          const i = (c * height + y) * width + x;
          most = Math.max(most, Math.abs((still.color.data[i] as number) - (moving.color.data[i] as number)));
        }
      }
    }
    expect(most).toBeLessThan(2e-5);
    expect(largestDifference(still.color, moving.color)).toBeGreaterThan(1e-3);
  });

  it.each([
    ['is not known', Number.NaN],
    ['leads out of the frame', 4096],
  ])('does not look at a frame whose motion %s', async (_, far) => {
    const frame = frameOf(48, 40);
    const results = await Promise.all(
      [1, 2].map((seed) =>
        denoiser.denoise(frame, { neighbors: [neighbor(2, frameOf(48, 40, seed), far, far)] }),
      ),
    );
    expect(results[0]?.color.data).toEqual(results[1]?.color.data);
  });

  it('leaves a frame out in the pixels alone where its motion is not known', async () => {
    const [width, height] = [192, 64];
    const frame = frameOf(width, height);
    const motion = motionOf(width, height, 0, 0);
    for (let i = 0; i < motion.data.length; i++) if (i % width >= 96) motion.data[i] = Number.NaN;
    const [a, b] = await Promise.all(
      [1, 2].map((seed) =>
        denoiser.denoise(frame, { neighbors: [{ offset: 1, frame: frameOf(width, height, seed), motion }] }),
      ),
    );
    const difference = (from: number, to: number): number =>
      (a?.color.data ?? new Float32Array()).reduce((most, value, i) => {
        const inside = i % width >= from && i % width < to;
        return inside ? Math.max(most, Math.abs(value - (b?.color.data[i] as number))) : most;
      }, 0);
    expect(difference(0, 96)).toBeGreaterThan(0.01);
    expect(difference(160, width)).toBe(0);
  });

  it('gives tiles the values of the whole picture, with a map of lambda and further layers', async () => {
    const [width, height] = [420, 330];
    const neighbors = [-1, 1].map((offset) => ({
      ...neighbor(offset, frameOf(width, height, offset + 4), 5.3 * offset, 2),
      also: [noise(width, height, 1)],
    }));
    const lambda = raster(
      width,
      height,
      1,
      noise(width, height, 1, 1, 7).data.map((value) => 1 + value),
    );
    const request: DenoiseRequest = { neighbors, lambda, also: [noise(width, height, 1)] };
    const load = (threads: number, memoryBudgetBytes: number): Promise<Denoiser> =>
      Denoiser.load({ modelsDirectory, threads, memoryBudgetBytes });
    const [tiled, whole] = [await load(2, 1), await load(1, 2 ** 32)];
    const frame = frameOf(width, height);
    const [a, b] = [await tiled.denoise(frame, request), await whole.denoise(frame, request)];
    await Promise.all([tiled.close(), whole.close()]);
    expect(a.report.tiles).toBeGreaterThan(8);
    expect(b.report.tiles).toBe(3);
    expect(largestDifference(a.color, b.color)).toBeLessThan(2e-5);
    expect(largestDifference(a.also[0] as Raster, b.also[0] as Raster)).toBeLessThan(2e-5);
  });

  it('filters further layers of all frames alike', async () => {
    const frame = frameOf(60, 44);
    const doubled = ({ color }: Frame): Raster =>
      raster(
        60,
        44,
        3,
        color.data.map((value) => 2 * value),
      );
    const other = frameOf(60, 44, 8);
    const neighbors = [{ ...neighbor(1, other, 2, 1), also: [doubled(other)] }];
    const { color, also } = await denoiser.denoise(frame, { neighbors, also: [doubled(frame)] });
    const half = raster(
      60,
      44,
      3,
      (also[0] as Raster).data.map((value) => value / 2),
    );
    expect(largestDifference(half, color)).toBeLessThan(1e-5);
  });

  it('reads every frame in its own exposure: a brighter neighbor is the same but for its light', async () => {
    const frame = frameOf(64, 48);
    const scaled = (by: number): Frame => ({
      ...frame,
      color: raster(
        64,
        48,
        3,
        frame.color.data.map((value) => by * value),
      ),
      colorVariance: raster(
        64,
        48,
        1,
        frame.colorVariance.data.map((value) => by ** 2 * value),
      ),
    });
    const key = (by: number): string => `scaled by ${by}`;
    const once = await denoiser.denoise(scaled(1), {
      key: key(1),
      neighbors: [neighbor(1, scaled(8), 0, 0, key(8))],
    });
    const other = await denoiser.denoise(scaled(2), {
      key: key(2),
      neighbors: [neighbor(1, scaled(16), 0, 0, key(16))],
    });
    const half = raster(
      64,
      48,
      3,
      other.color.data.map((value) => value / 2),
    );
    expect(largestDifference(once.color, half)).toBeLessThan(1e-4);
  });

  const frame = frameOf(16, 16);
  const { albedo: _, ...withoutAlbedo } = frame;
  it.each<[string, readonly WindowFrame[], string]>([
    ['offset 0', [neighbor(0, frame)], 'invalid-argument'],
    ['offset 4', [neighbor(4, frame)], 'invalid-argument'],
    ['offset 0.5', [neighbor(0.5, frame)], 'invalid-argument'],
    ['two frames at one offset', [neighbor(1, frame), neighbor(1, frame)], 'invalid-argument'],
    ['a frame of another size', [neighbor(1, frameOf(16, 8))], 'mismatched-frames'],
    ['motion of another size', [{ offset: 1, frame, motion: raster(8, 16, 2) }], 'mismatched-frames'],
    ['motion of four channels', [{ offset: 1, frame, motion: raster(16, 16, 4) }], 'mismatched-frames'],
    ['other further layers', [{ ...neighbor(1, frame), also: [noise(16, 16, 1)] }], 'mismatched-frames'],
    ['no albedo', [neighbor(1, withoutAlbedo)], 'mismatched-frames'],
  ])('refuses %s', async (_, neighbors, code) => {
    await expect(denoiser.denoise(frame, { neighbors })).rejects.toMatchObject({ code });
  });
});

it('shows no kernels of a window whose frames are filtered jointly, but its shares', async () => {
  const denoiser = await Denoiser.load({ modelsDirectory: JOINT_MODELS, threads: 1 });
  const neighbors = [neighbor(-1, frameOf(64, 48, 3))];
  const pixels = { pixels: [{ x: 3, y: 4 }] };
  const windowed = denoiser.denoise(frameOf(64, 48), { neighbors, debug: pixels });
  await expect(windowed).rejects.toMatchObject({ code: 'not-implemented' });
  const alone = await denoiser.denoise(frameOf(64, 48), { debug: pixels });
  expect(alone.debug?.pixels).toHaveLength(1);
  const { debug } = await denoiser.denoise(frameOf(64, 48), { neighbors, debug: { windowShares: true } });
  const [shares] = debug?.windowShares ?? [];
  const size = 64 * 48;
  for (let i = 0; i < size; i++) {
    expect((shares?.data[i] as number) + (shares?.data[size + i] as number)).toBeCloseTo(1, 5);
  }
  await denoiser.close();
});
