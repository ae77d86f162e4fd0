import { type Engine, type Tensor, TensorMemory } from '../engine/engine.js';
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
import type { JoinedFrame } from './fusion-task.js';
import { type FilteredLevel, KernelApply, type KernelFeatures } from './kernel-apply.js';
import type { KernelLogits } from './kernel-logits.js';
import { type LevelPlanes, planesIn, planesOf } from './level-planes.js';
import { KpcnNetwork, type Specialization } from './network.js';
import { coarserTile, composite, exposedColor, limitBlendWeight } from './scale-compositor.js';
import { copyTile, NEIGHBOR_OFFSETS, WindowFeatures } from './temporal-features.js';
import { TemporalFusion } from './temporal-fusion.js';
import { even, featureArea, filterOverlap, joinOverlap, tileOverlap } from './tile-cost.js';
import type { LevelTask, NeighborLevel, Stopwatch, WindowTask } from './tile-tasks.js';

/**
 * Runs the network and its kernels on tiles: which pixels around a tile each step needs, which memory it uses, and how long it
 * takes. A picture is denoised in three steps, each for all tiles before the next begins: `coarsen` builds the pyramid;
 * `denoiseTile` filters the tiles of all levels (figure 2), or `extractTile` computes the features of a frame, `filterTile`
 * filters with them, and `fuseTile` fuses the filtered frames of a window (figure 3); `compositeTile` blends the levels from
 * coarse to fine (figure 4). Not for use by two threads.
 */
export class TileRunner {
  private readonly memory = new TensorMemory();

  private constructor(
    private readonly network: KpcnNetwork,
    private readonly frameFeatures: FrameFeatures,
    private readonly logits: KernelLogits,
    private readonly kernelApply: KernelApply,
    private readonly windowFeatures: WindowFeatures,
    private readonly temporalFusion: TemporalFusion,
  ) {}

  /** @throws QuietframeError `model-damaged` when a module does not load. */
  static async load(bundle: ModelBundle, engine: Engine): Promise<TileRunner> {
    const network = await KpcnNetwork.load(bundle, engine);
    const { architecture, constants } = bundle.manifest;
    const { kernelSize, contextChannels, embeddingChannels, neighborKernelSize } = architecture;
    const data = new Float32Array(new Uint8Array(bundle.files.kernel_logits ?? []).buffer);
    const logits = { kernelSize, contextChannels, embeddingChannels, data };
    const fusion = { kernelSize: neighborKernelSize, slots: NEIGHBOR_OFFSETS.length };
    return new TileRunner(
      network,
      new FrameFeatures(network),
      logits,
      new KernelApply(logits, undefined, constants),
      new WindowFeatures(undefined, constants),
      new TemporalFusion(fusion, undefined, constants),
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
    const kernelDetail = this.cellsOf('kernel_detail', features.kernelDetail, cells);
    const spatial = this.cellsOf('spatial', features.spatial, cells);
    await timed(time, 'network', () =>
      this.predictKernels({ spatial, kernelDetail }, area, logLambda, reserved.kernels.tensor),
    );
    await timed(time, 'kernels', () => this.apply(task, planes, reserved, tile, features));
  }

  /** Figure 3: a tile of the frames of a window, which their own kernels have filtered, joined in the centre. */
  async fuseTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { estimate, own, exposure, colors, shares } = task;
    const overlap = joinOverlap(this.network.manifest, task.logLambda !== undefined);
    const area = grow(tile, overlap, own.width, own.height);
    const kernels = this.temporalFusion.reserve(area, own.channels);
    const frames = joinedFrames(task);
    await this.predictFusion(task, frames, area, kernels, time);
    await timed(time, 'kernels', () => {
      // Irradiance has no albedo in it.
      const gate = estimate.albedo !== undefined && !task.irradiance ? { gate: estimate.gate } : {};
      const center = { ...gate, ...{ center: estimate, own, colors, exposure }, ...(shares && { shares }) };
      this.temporalFusion.apply(
        { ...center, kernels: { area, tensor: kernels } },
        frames,
        tile,
        task.denoised,
      );
    });
  }

  /** The kernels of one pixel of a level, predicted again from the features that its level was filtered with. */
  async explain(task: PixelTask): Promise<ExplainedLevel> {
    const { features, logLambda, window, x, y } = task;
    const { width, height } = features.embedding;
    const { manifest } = this.network;
    const { contextChannels, neighborKernelSize: size } = manifest.architecture;
    const pixels = { x: x - (x % 2), y: y - (y % 2), width: 2, height: 2 };
    const tensorOf = (name: string, planes: number, area: Tile): Tensor =>
      this.memory.tensor(name, 4 * planes, ...sizeOf(halved(area)));
    const area = grow(pixels, filterOverlap(manifest, logLambda !== undefined), width, height);
    const kernels = { area, tensor: tensorOf('explained_kernels', contextChannels + 2, area) };
    const kernelDetail = this.cellsOf('kernel_detail', features.kernelDetail, halved(area));
    const spatial = this.cellsOf('spatial', features.spatial, halved(area));
    await this.predictKernels({ spatial, kernelDetail }, area, logLambda, kernels.tensor);
    if (window === undefined) return explainLevel(task, this.logits, kernels, manifest.constants);
    const around = grow(pixels, joinOverlap(manifest, logLambda !== undefined), width, height);
    const planes = FUSION_PLANES * NEIGHBOR_OFFSETS.length;
    const fusion = { area: around, tensor: tensorOf('explained_fusion', planes, around) };
    const frames = joinedFrames(window);
    await this.predictFusion(window, frames, around, fusion.tensor, () => {});
    return explainLevel(task, this.logits, kernels, manifest.constants, { kernels: fusion, frames, size });
  }

  /** What the kernels in the other frames are made of, for an area of the centre. */
  private async predictFusion(
    { spatial: features, estimate, exposure, logLambda }: WindowTask,
    frames: ReturnType<typeof joinedFrames>,
    area: Tile,
    kernels: Tensor,
    time: Stopwatch,
  ): Promise<void> {
    const cells = halved(area);
    const spatial = this.cellsOf('spatial', features, cells);
    const differences = await timed(time, 'features', () =>
      this.windowFeatures.differences(estimate, frames, { area: cells, exposure }),
    );
    await timed(time, 'network', async () => {
      const temporal = this.memory.tensor('temporal', features.channels, ...sizeOf(cells));
      const forLambda = this.lambdaOf(temporal, area, logLambda);
      await this.network.extractTemporalFeatures(spatial, differences, temporal);
      await this.network.predictNeighbors(temporal, forLambda, kernels);
    });
  }

  /** Cells of a raster, as a tensor. */
  private cellsOf(name: string, features: Raster, cells: Tile): Tensor {
    const tensor = this.memory.tensor(name, features.channels, ...sizeOf(cells));
    copyTile(features, cells, tensor.data);
    return tensor;
  }

  private predictKernels(
    { spatial, kernelDetail }: AreaFeatures,
    area: Tile,
    logLambda: Raster | undefined,
    kernels: Tensor,
  ): Promise<void> {
    const lambda = this.lambdaOf(spatial, area, logLambda);
    return this.network.predictKernels(spatial, kernelDetail, lambda, kernels);
  }

  /** The lambda of an area and memory for the features it specializes; nothing where lambda is 1 in the whole area. */
  private lambdaOf({ shape }: Tensor, area: Tile, logLambda: Raster | undefined): Specialization {
    if (logLambda === undefined) return undefined;
    const [, channels, height, width] = shape;
    const map = this.memory.tensor('log_lambda', 1, height, width);
    copyTile(logLambda, halved(area), map.data);
    if (map.data.every((value) => value === 0)) return undefined;
    return { logLambda: map, specialized: this.memory.tensor('specialized', channels, height, width) };
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

/** Planes of a kernel in another frame, as the network predicts them. */
const FUSION_PLANES = 4;

function joinedFrames({ neighbors }: WindowTask): (JoinedFrame & SingleFrameResult & NeighborLevel)[] {
  return neighbors.map((neighbor) => ({ ...neighbor.estimate, ...neighbor }));
}

function sizeOf({ width, height }: Tile): [height: number, width: number] {
  return [height, width];
}

async function timed<T>(
  time: Stopwatch,
  part: Parameters<Stopwatch>[0],
  run: () => T | Promise<T>,
): Promise<T> {
  const start = performance.now();
  try {
    return await run();
  } finally {
    time(part, performance.now() - start);
  }
}
