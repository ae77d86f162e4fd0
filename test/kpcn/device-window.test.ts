import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { type ModelBundle, ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { type Raster, raster, SharedRasters } from '../../src/image/raster.js';
import type { Tile } from '../../src/image/region.js';
import type { LevelFeatures, SingleFrameResult } from '../../src/kpcn/frame-features.js';
import { allocateFramePyramid, type Level } from '../../src/kpcn/frame-pyramid.js';
import { GpuNetwork } from '../../src/kpcn/gpu/gpu-network.js';
import { downsampleMotion } from '../../src/kpcn/level-motion.js';
import { TileRunner } from '../../src/kpcn/tile-runner.js';
import type { NeighborLevel, WindowTask } from '../../src/kpcn/tile-tasks.js';
import { frameOf, noise } from '../denoise/support.js';
import { largestError } from '../support/closeness.js';

const ignore = (): void => undefined;

type Motion = (x: number, y: number, slot: number) => readonly [number, number];

interface Shape {
  readonly width: number;
  readonly height: number;
  readonly slots?: readonly number[];
  readonly motion?: Motion;
  readonly lambda?: boolean;
  readonly irradiance?: boolean;
  readonly hasAlbedo?: boolean;
  readonly also?: number;
  readonly tile?: Tile;
}

/** From side to side of a frame and out of it, with rests of pixels, and not known here and there. */
const wild: Motion = (x, y, slot) => [
  (x * 7 + y * 3 + slot) % 19 === 0 ? Number.NaN : 9.37 * Math.sin(x / 7 + slot),
  (x + y * 5) % 23 === 0 ? Number.POSITIVE_INFINITY : 6.81 * Math.cos(y / 5) - slot * 2.5,
];

describe.each(['test/golden/tiny-bundle', 'models'])('the graph of windows of %s', (models) => {
  let bundle: ModelBundle;
  let host: TileRunner;
  let device: GpuNetwork;

  beforeAll(async () => {
    const folder = fileURLToPath(new URL(`../../${models}`, import.meta.url));
    bundle = (await ModelRepository.open(folder)).find('kpcn');
    host = await TileRunner.load(bundle, onnxEngine);
    device = new GpuNetwork(bundle, onnxEngine);
  });

  function estimateOf({ width, height, hasAlbedo = true, also = 0 }: Shape, seed: number): SingleFrameResult {
    const { embeddingChannels } = bundle.manifest.architecture;
    return {
      coarseEmbedding: noise(width / 2, height / 2, embeddingChannels, 2, seed),
      light: noise(width, height, 3 + also, 3, seed + 1),
      gate: noise(width, height, 1, 0.5, seed + 2),
      ...(hasAlbedo && { albedo: noise(width, height, 3, 0.5, seed + 3) }),
    };
  }

  function taskOf(shape: Shape): Omit<WindowTask, 'denoised'> {
    const { width, height, slots = [0, 1, 2, 3, 4, 5], motion = wild, irradiance = false } = shape;
    const estimate = estimateOf(shape, 0);
    const neighbors = slots.map((slot): NeighborLevel => {
      const moved = raster(width, height, 2);
      for (let i = 0; i < width * height; i++) {
        const [x, y] = motion(i % width, Math.floor(i / width), slot);
        moved.data[i] = x;
        moved.data[width * height + i] = y;
      }
      const coarser = raster(width / 2, height / 2, 2);
      downsampleMotion(moved, coarser, 0, height / 2);
      return { slot, estimate: estimateOf(shape, 10 * slot + 10), motion: moved, coarserMotion: coarser };
    });
    const { featureChannels } = bundle.manifest.architecture;
    const logLambda = noise(width / 2, height / 2, 1, 0.5);
    return {
      ...{ estimate, neighbors, irradiance, exposure: 0.7 },
      spatial: noise(width / 2, height / 2, featureChannels, 0.5, 5),
      own: shape.lambda ? noise(width, height, estimate.light.channels, 2, 77) : estimate.light,
      colors: shape.also === 3 ? [0, 3] : [0],
      ...(shape.lambda && { logLambda }),
    };
  }

  async function compare(shape: Shape): Promise<number> {
    const task = taskOf(shape);
    const tile = shape.tile ?? { x: 0, y: 0, width: shape.width, height: shape.height };
    const run = async (network: TileRunner | GpuNetwork): Promise<Raster> => {
      const denoised = raster(shape.width, shape.height, task.own.channels);
      await network.fuseTile({ ...task, denoised }, tile, ignore);
      return denoised;
    };
    const [received, wanted] = [await run(device), await run(host)];
    expect(new Set(wanted.data).size).toBeGreaterThan((tile.width * tile.height) / 2);
    // The other frames count.
    expect(largestError(task.own.data, wanted.data)).toBeGreaterThan(2e-3);
    return largestError(received.data, wanted.data);
  }

  const size = { width: 64, height: 48 };

  it('joins a full window as the CPU does', async () => {
    expect(await compare(size)).toBeLessThan(1e-4);
  });

  it.each([[[2]], [[5]], [[1, 4]], [[3, 4, 5]]])('joins frames of the slots %j alone', async (slots) => {
    expect(await compare({ ...size, slots })).toBeLessThan(1e-4);
  });

  it('joins pixels that lie far apart, and beyond the border', async () => {
    const motion: Motion = (x, y) => [(x * 37 + y * 11) % 150, ((x * 13 + y * 29) % 120) - 50];
    expect(await compare({ ...size, motion })).toBeLessThan(1e-4);
    const away: Motion = (x, _, slot) => (slot === 2 ? [1e30, -1e30] : [x % 2 ? -1e9 : 0.5, 0.49]);
    expect(await compare({ ...size, slots: [2, 3], motion: away })).toBeLessThan(1e-4);
  });

  it('joins what stands still, and places between pixels', async () => {
    expect(await compare({ ...size, motion: () => [0, 0] })).toBeLessThan(1e-4);
    expect(await compare({ ...size, motion: () => [0.5, -0.5] })).toBeLessThan(1e-4);
  });

  it('joins with a map of lambda, further layers, and without an albedo', async () => {
    expect(await compare({ ...size, lambda: true })).toBeLessThan(1e-4);
    expect(await compare({ ...size, also: 3, lambda: true })).toBeLessThan(1e-4);
    expect(await compare({ ...size, also: 1 })).toBeLessThan(1e-4);
    expect(await compare({ ...size, irradiance: true })).toBeLessThan(1e-4);
    expect(await compare({ ...size, hasAlbedo: false })).toBeLessThan(1e-4);
  });

  it.each([
    ['in the middle', { x: 62, y: 60, width: 18, height: 10 }],
    ['in a corner', { x: 118, y: 112, width: 42, height: 32 }],
  ])('joins a tile %s, for which it takes parts of the other frames', async (_, tile) => {
    expect(await compare({ width: 160, height: 144, tile })).toBeLessThan(1e-4);
    expect(await compare({ width: 160, height: 144, tile, motion: () => [0, 0] })).toBeLessThan(1e-4);
  });

  it('joins a tile that has nothing in one of the frames, and lies elsewhere in the others', async () => {
    const tile = { x: 62, y: 60, width: 18, height: 10 };
    const motion: Motion = (_, __, slot) => (slot === 2 ? [Number.NaN, 0] : [50.3 * (slot - 2.5), 7 - slot]);
    expect(await compare({ width: 160, height: 144, tile, motion, slots: [1, 2, 3] })).toBeLessThan(1e-4);
  });

  it('joins the smallest levels', async () => {
    expect(await compare({ width: 4, height: 2, motion: (x) => [x % 3, 0.3] })).toBeLessThan(1e-4);
    expect(await compare({ width: 2, height: 2, motion: () => [0.2, 0.3] })).toBeLessThan(1e-4);
  });

  it('makes what windows need of a frame as the CPU does', async () => {
    const { source: _, varianceOrigin: __, ...buffers } = frameOf(48, 40);
    const picture = allocateFramePyramid({ ...buffers, encoder: 'cycles' }, [], 1, new SharedRasters());
    const { denoised, ...level } = picture.levels[0] as Level;
    const { featureChannels, embeddingChannels, contextChannels } = bundle.manifest.architecture;
    const made = (): SingleFrameResult & LevelFeatures => ({
      coarseEmbedding: raster(24, 20, embeddingChannels),
      light: raster(48, 40, 3),
      gate: raster(48, 40, 1),
      spatial: raster(24, 20, featureChannels),
      kernelDetail: raster(24, 20, 4 * (contextChannels + 2)),
      embedding: raster(48, 40, embeddingChannels),
    });
    const reading = { encoder: 'cycles', exposure: 0.7, irradiance: false };
    const tiles = [
      { x: 0, y: 0, width: 48, height: 18 },
      { x: 0, y: 18, width: 48, height: 22 },
    ];
    const [received, wanted] = [made(), made()];
    const task = { irradiance: false, colors: [0] };
    for (const tile of tiles) {
      await host.extractTile(level, reading, tile, wanted, ignore);
    }
    for (const tile of tiles) {
      const { light, gate } = wanted;
      await host.filterTile({ ...task, level: { ...level, denoised: light }, gate }, wanted, tile, ignore);
    }
    for (const tile of tiles) {
      const { light, gate } = received;
      const own = { ...task, level: { ...level, denoised: light }, gate };
      await device.denoiseTile(own, reading, tile, ignore, received);
    }
    for (const name of ['coarseEmbedding', 'light', 'gate', 'spatial'] as const) {
      expect(largestError(received[name].data, wanted[name].data), name).toBeLessThan(1e-4);
      expect(new Set(wanted[name].data).size).toBeGreaterThan(100);
    }
    expect(denoised.width).toBe(48);
  });
});
