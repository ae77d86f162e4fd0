import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { ModelRepository } from '../../src/engine/model-repository.js';
import { onnxEngine } from '../../src/engine/onnxruntime/onnx-engine.js';
import { type Raster, raster, SharedRasters } from '../../src/image/raster.js';
import { ComponentFeatures } from '../../src/kpcn/features.js';
import {
  estimateRasters,
  featureRasters,
  type LevelFeatures,
  type LevelRaster,
  type SingleFrameResult,
} from '../../src/kpcn/frame-features.js';
import {
  allocateFramePyramid,
  allocatePyramids,
  coarsen,
  createFramePicture,
  type FrameLevel,
  fillPyramid,
  type Level,
  type Picture,
  pyramidsOf,
} from '../../src/kpcn/frame-pyramid.js';
import type { EncoderInputs } from '../../src/kpcn/source-encoder.js';
import { TileRunner } from '../../src/kpcn/tile-runner.js';
import type { NeighborLevel } from '../../src/kpcn/tile-tasks.js';
import { largestError } from '../support/closeness.js';

/** Tensors that the training's PyTorch network made with the weights of a bundle. */
class Golden {
  readonly source: string;
  readonly #tensors: Record<string, { file: string; shape: number[] }>;

  constructor(private readonly folder: URL) {
    const { source, tensors } = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8'));
    this.source = source;
    this.#tensors = tensors;
  }

  data(name: string): Float32Array {
    const entry = this.#tensors[name];
    if (entry === undefined) throw new Error(`No golden tensor ${name}`);
    const bytes = new Uint8Array(readFileSync(new URL(entry.file, this.folder)));
    return new Float32Array(bytes.buffer);
  }

  raster(name: string, index = 0): Raster {
    const [, channels = 0, height = 0, width = 0] = this.#tensors[name]?.shape ?? [];
    const size = channels * height * width;
    return raster(width, height, channels, this.data(name).slice(index * size, (index + 1) * size));
  }

  /** Raw inputs of a frame, the colour as it is before its exposure. */
  frame(name: string, index: number, exposure: number): EncoderInputs {
    const { width, height, data } = this.raster(name, index);
    const channels = (first: number, count: number, scale = 1): Raster => {
      const values = data.slice(first * width * height, (first + count) * width * height);
      return raster(
        width,
        height,
        count,
        values.map((value) => value / scale),
      );
    };
    return {
      encoder: this.source,
      color: channels(0, 3, exposure),
      colorVariance: channels(3, 1, exposure ** 2),
      albedo: channels(4, 3),
      albedoVariance: channels(7, 1),
      normal: channels(8, 3),
      normalVariance: channels(11, 1),
    };
  }
}

const whole = ({ width, height }: FrameLevel) => ({ x: 0, y: 0, width, height });
const ignore = (): void => undefined;

describe.each([
  { models: 'test/golden/tiny-bundle', golden: 'tiny-network' },
  { models: 'test/golden/joint-bundle', golden: 'joint-network' },
  { models: 'models', golden: 'kpcn' },
])('TileRunner of $models', (folders) => {
  const golden = new Golden(new URL(`../golden/${folders.golden}/`, import.meta.url));
  const { source: encoder } = golden;
  let network: TileRunner;
  let levelCount: number;
  let rastersOf: <Name extends string>(
    level: FrameLevel,
    rasters: readonly LevelRaster<Name>[],
  ) => Record<Name, Raster>;
  let featuresNamed: LevelRaster<keyof LevelFeatures>[];
  let estimatesNamed: LevelRaster<keyof SingleFrameResult>[];

  beforeAll(async () => {
    const models = fileURLToPath(new URL(`../../${folders.models}`, import.meta.url));
    const bundle = (await ModelRepository.open(models)).find();
    network = await TileRunner.load(bundle, onnxEngine);
    const { architecture } = bundle.manifest;
    levelCount = architecture.levels;
    featuresNamed = featureRasters(architecture);
    estimatesNamed = estimateRasters(architecture, 3, true);
    rastersOf = <Name extends string>(
      { width, height }: FrameLevel,
      rasters: readonly LevelRaster<Name>[],
    ) => {
      const entries = rasters.map(({ name, channels, scale }) => [
        name,
        raster(width / scale, height / scale, channels),
      ]);
      return Object.fromEntries(entries) as Record<Name, Raster>;
    };
  });

  function pictureOf(irradiance = false): Picture {
    const inputs = golden.frame('inputs', 0, 1);
    const picture = allocateFramePyramid(inputs, [], levelCount, new SharedRasters(), irradiance);
    coarsen(pyramidsOf(picture), 0, picture.height);
    return picture;
  }

  async function composite({ levels }: Picture): Promise<void> {
    for (let l = levels.length - 2; l >= 0; l--) {
      const [fine, coarse] = [levels[l], levels[l + 1]] as [Level, Level];
      await network.compositeTile(fine, coarse, 1, whole(fine), ignore, false);
    }
  }

  /** The logarithm of the golden lambda at all levels and one more. */
  function logsOf({ width, height }: Picture): Raster[] {
    const size = [{ channels: 1, levels: levelCount + 1 }];
    const [levels = []] = allocatePyramids({ width, height }, levelCount, size, new SharedRasters());
    fillPyramid(levels, [golden.raster('log_lambda')]);
    coarsen([{ levels, scale: 1 }], 0, height);
    return levels;
  }

  async function denoise(options: { irradiance?: boolean; lambda?: boolean } = {}): Promise<Picture> {
    const picture = pictureOf(options.irradiance);
    const { irradiance, colors } = picture;
    const logs = options.lambda ? logsOf(picture) : undefined;
    for (const [l, level] of picture.levels.entries()) {
      const logLambda = logs?.[l + 1];
      const task = { level, irradiance, colors, ...(logLambda && { logLambda }) };
      await network.denoiseTile(task, { encoder, exposure: 1, irradiance }, whole(level), ignore);
    }
    await composite(picture);
    return picture;
  }

  /** A frame on its own: features and what its kernels make of it, per level. */
  async function statesOf(
    picture: Picture<FrameLevel>,
    exposure: number,
  ): Promise<{ features: LevelFeatures; estimate: SingleFrameResult }[]> {
    const states = [];
    for (const level of picture.levels) {
      const reading = { encoder, exposure, irradiance: false };
      const features = rastersOf(level, featuresNamed);
      const named = rastersOf(level, estimatesNamed);
      const noisy = named.radiance && { radiance: level.radiance, embedding: features.embedding };
      const estimate = { ...named, albedo: level.albedo as Raster, ...noisy };
      const target = { ...features, coarseEmbedding: estimate.coarseEmbedding };
      await network.extractTile(level, reading, whole(level), target, ignore);
      const task = { level: { ...level, denoised: estimate.light }, irradiance: false, colors: [0] };
      await network.filterTile({ ...task, gate: estimate.gate }, features, whole(level), ignore);
      states.push({ features, estimate });
    }
    return states;
  }

  /** The golden window's frames at offsets -2 and 1. */
  async function neighbors(): Promise<NeighborLevel[][]> {
    const gains = golden.data('neighbor_gain');
    const levels: NeighborLevel[][] = Array.from({ length: levelCount }, () => []);
    for (const [index, slot] of [1, 3].entries()) {
      const exposure = 1 / (gains[index] as number);
      const inputs = golden.frame('neighbor_inputs', index, exposure);
      const picture = createFramePicture(inputs, [], levelCount, new SharedRasters());
      const { width, height } = picture;
      const [motion = []] = allocatePyramids(
        { width, height },
        levelCount,
        [{ channels: 2, levels: levelCount + 1 }],
        new SharedRasters(),
      );
      fillPyramid(motion, [golden.raster('neighbor_motion', index)]);
      coarsen([...pyramidsOf(picture), { levels: motion, scale: 'motion' }], 0, height);
      for (const [l, { estimate }] of (await statesOf(picture, exposure)).entries()) {
        const places = { motion: motion[l] as Raster, coarserMotion: motion[l + 1] as Raster };
        levels[l]?.push({ slot, estimate, ...places });
      }
    }
    return levels;
  }

  async function denoiseWindow(lambda = false): Promise<Picture> {
    const picture = pictureOf();
    const logs = lambda ? logsOf(picture) : undefined;
    const [center, others] = [await statesOf(picture, 1), await neighbors()];
    for (const [l, level] of picture.levels.entries()) {
      const logLambda = logs?.[l + 1];
      const task = { irradiance: false, colors: [0], ...(logLambda && { logLambda }) };
      const { features, estimate } = center[l] as (typeof center)[number];
      if (lambda) await network.filterTile({ ...task, level }, features, whole(level), ignore);
      await network.fuseTile(
        {
          ...{ ...task, estimate, exposure: 1, neighbors: others[l] ?? [] },
          ...{ spatial: features.spatial, kernelDetail: features.kernelDetail },
          ...{ own: lambda ? level.denoised : estimate.light, denoised: level.denoised },
        },
        whole(level),
        ignore,
      );
    }
    await composite(picture);
    return picture;
  }

  it('sees the same features as the training', () => {
    const finest = pictureOf().levels[0] as Level;
    const { data } = new ComponentFeatures().compute(finest, whole(finest), 1);
    expect(largestError(data, golden.data('x'))).toBeLessThan(1e-6);
  });

  it.each([0, 1, 2])('denoises level %i as the training does', async (l) => {
    const { levels } = await denoise();
    expect(largestError(levels[l]?.denoised.data ?? [], golden.data(`level${l}`))).toBeLessThan(1e-4);
  });

  it('composites as the training does', async () => {
    const { levels } = await denoise();
    expect(largestError(levels[0]?.composited.data ?? [], golden.data('output'))).toBeLessThan(1e-4);
  });

  it('denoises irradiance as the training does', async () => {
    const { levels } = await denoise({ irradiance: true });
    expect(largestError(levels[0]?.composited.data ?? [], golden.data('irradiance'))).toBeLessThan(1e-4);
  });

  it('obeys a map of lambda as the training does', async () => {
    const { levels } = await denoise({ lambda: true });
    expect(largestError(levels[0]?.composited.data ?? [], golden.data('output_lambda'))).toBeLessThan(1e-4);
  });

  it('denoises a window as the training does', async () => {
    const { levels } = await denoiseWindow();
    expect(largestError(levels[0]?.denoised.data ?? [], golden.data('window_level0'))).toBeLessThan(1e-4);
    expect(largestError(levels[0]?.composited.data ?? [], golden.data('window_output'))).toBeLessThan(1e-4);
  });

  it('obeys a map of lambda in a window as the training does', async () => {
    const { levels } = await denoiseWindow(true);
    expect(largestError(levels[0]?.composited.data ?? [], golden.data('window_output_lambda'))).toBeLessThan(
      1e-4,
    );
  });
});
