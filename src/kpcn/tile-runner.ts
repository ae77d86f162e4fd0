import type { Engine, Tensor } from '../engine/engine.js';
import type { ModelBundle } from '../engine/model-repository.js';
import type { Simd } from '../engine/wasm-build.js';
import { plane, type Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/region.js';
import { type ExplainedLevel, explainLevel, type PixelTask } from './explain/explain-level.js';
import {
  type AreaFeatures,
  type EncoderSettings,
  FrameFeatures,
  featureOverlap,
  halved,
  type LevelFeatures,
  type SingleFrameResult,
  storeFeatures,
} from './frame-features.js';
import { COLOR_CHANNELS, type FrameLevel, type Level } from './frame-pyramid.js';
import { type FilteredLevel, KernelApply, type KernelFeatures } from './kernel-apply.js';
import type { KernelLogits } from './kernel-logits.js';
import { type LevelPlanes, planesIn, planesOf } from './level-planes.js';
import { KpcnNetwork } from './network.js';
import { coarserTile, composite, exposedColor, limitBlendWeight } from './scale-compositor.js';
import { even, featureArea, filterOverlap, tileOverlap } from './tile-cost.js';
import { TileMemory } from './tile-memory.js';
import { type LevelTask, type Stopwatch, timed, type WindowTask } from './tile-tasks.js';
import { WindowTiles } from './window-tiles.js';

/**
 * Runs the network and its kernels on tiles: which pixels around a tile each step needs, which memory it uses, and how long it
 * takes. A picture is denoised in three steps, each for all tiles before the next begins: `coarsen` builds the pyramid;
 * `denoiseTile` filters the tiles of all levels (figure 2), or `extractTile` computes the features of a frame, `filterTile`
 * filters with them, and `fuseTile` fuses the filtered frames of a window (figure 3); `compositeTile` blends the levels from
 * coarse to fine (figure 4). Not for use by two threads.
 */
export class TileRunner {
  private constructor(
    private readonly network: KpcnNetwork,
    private readonly frameFeatures: FrameFeatures,
    private readonly logits: KernelLogits,
    private readonly kernelApply: KernelApply,
    private readonly memory: TileMemory,
    private readonly windowTiles: WindowTiles,
  ) {}

  /** @throws QuietframeError `model-damaged` when a module does not load. */
  static async load(bundle: ModelBundle, engine: Engine): Promise<TileRunner> {
    const network = await KpcnNetwork.load(bundle, engine);
    const { architecture, constants } = bundle.manifest;
    const { kernelSize, contextChannels, embeddingChannels } = architecture;
    const data = new Float32Array(new Uint8Array(bundle.files.kernel_logits ?? []).buffer);
    const logits = { kernelSize, contextChannels, embeddingChannels, data };
    const memory = new TileMemory();
    return new TileRunner(
      network,
      new FrameFeatures(network),
      logits,
      new KernelApply(logits, undefined, constants),
      memory,
      new WindowTiles(network, memory, bundle, logits),
    );
  }

  /** The build of the kernels that runs. */
  get simd(): Simd {
    return this.kernelApply.simd;
  }

  /** Figure 2: features of a tile, its kernels, and what they make of its radiance; nothing is kept. */
  async denoiseTile(
    task: LevelTask<Level>,
    reading: EncoderSettings,
    tile: Tile,
    time: Stopwatch,
  ): Promise<void> {
    const { level, logLambda } = task;
    const { manifest } = this.network;
    const area = featureArea(tile, tileOverlap(manifest, logLambda !== undefined), level, manifest);
    const planes = planesOf(level, task.irradiance);
    const reserved = this.kernelApply.reserve({ kernels: area, embedding: area }, planes.sources.length);
    const x = await timed(time, 'features', () => this.frameFeatures.components(level, area, reading));
    await timed(time, 'network', async () => {
      const embedding = reserved.embedding?.tensor as Tensor;
      const features = await this.frameFeatures.compute(x, reading.encoder, embedding);
      await this.predictKernels(features, area, logLambda, reserved.kernels.tensor);
    });
    await timed(time, 'kernels', () => this.apply(task, planes, reserved, tile));
  }

  /** The features of a tile of a frame, stored for kernels. */
  async extractTile(
    level: FrameLevel,
    reading: EncoderSettings,
    tile: Tile,
    target: LevelFeatures & Partial<Pick<SingleFrameResult, 'coarseEmbedding'>>,
    time: Stopwatch,
  ): Promise<void> {
    const { manifest } = this.network;
    const area = featureArea(tile, featureOverlap(manifest), level, manifest);
    const x = await timed(time, 'features', () => this.frameFeatures.components(level, area, reading));
    await timed(time, 'network', async () => {
      const embedding = this.frameFeatures.embeddingOf(area);
      const features = await this.frameFeatures.compute(x, reading.encoder, embedding);
      storeFeatures(features, embedding, area, tile, target, target.coarseEmbedding);
    });
  }

  /** Figures 2 and 9: the kernels of a tile of a frame whose features are there, and what they make of its radiance. */
  async filterTile(task: LevelTask, features: LevelFeatures, tile: Tile, time: Stopwatch): Promise<void> {
    const { level, logLambda } = task;
    const overlap = filterOverlap(this.network.manifest, logLambda !== undefined);
    const area = grow(tile, overlap, level.width, level.height);
    const planes = planesOf(level, task.irradiance);
    const reserved = this.kernelApply.reserve({ kernels: area }, planes.sources.length);
    const cells = halved(area);
    const kernelDetail = this.memory.cellsOf('kernel_detail', features.kernelDetail, cells);
    const spatial = this.memory.cellsOf('spatial', features.spatial, cells);
    await timed(time, 'network', () =>
      this.predictKernels({ spatial, kernelDetail }, area, logLambda, reserved.kernels.tensor),
    );
    await timed(time, 'kernels', () => this.apply(task, planes, reserved, tile, features));
  }

  /** Figure 3: a tile of the frames of a window joined in the centre. */
  fuseTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    return this.windowTiles.fuse(task, tile, time);
  }

  /** The kernels of one pixel of a level, predicted again from the features that its level was filtered with. */
  async explain(task: PixelTask): Promise<ExplainedLevel> {
    const { features, logLambda, window, x, y } = task;
    const { width, height } = features.embedding;
    const { manifest } = this.network;
    const { contextChannels } = manifest.architecture;
    const pixels = { x: x - (x % 2), y: y - (y % 2), width: 2, height: 2 };
    const area = grow(pixels, filterOverlap(manifest, logLambda !== undefined), width, height);
    const cells = halved(area);
    const planes = 4 * (contextChannels + 2);
    const tensor = this.memory.tensor('explained_kernels', planes, cells.height, cells.width);
    const kernels = { area, tensor };
    const kernelDetail = this.memory.cellsOf('kernel_detail', features.kernelDetail, cells);
    const spatial = this.memory.cellsOf('spatial', features.spatial, cells);
    await this.predictKernels({ spatial, kernelDetail }, area, logLambda, kernels.tensor);
    if (window === undefined) return explainLevel(task, this.logits, kernels, manifest.constants);
    const fusion = await this.windowTiles.explain(window, pixels);
    return explainLevel(task, this.logits, kernels, manifest.constants, fusion);
  }

  private predictKernels(
    { spatial, kernelDetail }: AreaFeatures,
    area: Tile,
    logLambda: Raster | undefined,
    kernels: Tensor,
  ): Promise<void> {
    const lambda = this.memory.lambdaOf(spatial, area, logLambda);
    return this.network.predictKernels(spatial, kernelDetail, lambda, kernels);
  }

  private apply(
    { level, colors, gate }: LevelTask,
    { sources, targets, hasAlbedo }: LevelPlanes,
    reserved: KernelFeatures,
    tile: Tile,
    features?: LevelFeatures,
  ): void {
    const { width, height } = level;
    const source: FilteredLevel = {
      ...{ width, height, planes: sources },
      ...(features && { embedding: planesIn(features.embedding) }),
    };
    this.kernelApply.apply(reserved, source, targets, tile, {
      // The albedo comes right after the colour.
      gate: hasAlbedo ? colors.map((first) => (first === 0 ? 0 : first + COLOR_CHANNELS)) : [],
      ...(gate && { gateTarget: plane(gate, 0) }),
    });
  }

  /**
   * Figure 4, right: the blend weight of a tile, and the tile joined with the coarser level, which is complete.
   * @param isLimited the weight is less where the colour would get below zero; the training has no such limit.
   * @param weights what the blend weight of the tile is written to, of the size of the finer level.
   */
  async compositeTile(
    fine: Level,
    coarse: Level,
    exposure: number,
    tile: Tile,
    time: Stopwatch,
    isLimited = true,
    weights?: Raster,
  ): Promise<void> {
    await timed(time, 'compositing', async () => {
      const overlap = even(this.network.manifest.receptiveRadius.compositor);
      const area = grow(tile, overlap, fine.width, fine.height);
      const { width, height } = area;
      const pair = {
        fine: this.memory.tensor('fine', COLOR_CHANNELS, height, width),
        coarse: this.memory.tensor('coarse', COLOR_CHANNELS, height / 2, width / 2),
      };
      exposedColor(fine.denoised, area, exposure, pair.fine);
      exposedColor(coarse.composited, coarserTile(area), exposure, pair.coarse);
      const blendWeight = this.memory.tensor('blend_weight', 1, height, width);
      await this.network.predictBlendWeight(pair.fine, pair.coarse, blendWeight);
      const { data } = blendWeight;
      if (isLimited) limitBlendWeight(fine.denoised, coarse.composited, { area, data });
      composite(fine.denoised, coarse.composited, { area, data }, fine.composited, tile);
      if (weights === undefined) return;
      for (let y = tile.y; y < tile.y + tile.height; y++) {
        const from = (y - area.y) * area.width + tile.x - area.x;
        weights.data.set(data.subarray(from, from + tile.width), y * weights.width + tile.x);
      }
    });
  }
}
