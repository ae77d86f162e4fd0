import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { ModelManifest } from '../engine/model-manifest.js';
import type { ModelBundle } from '../engine/model-repository.js';
import type { Simd } from '../engine/wasm-build.js';
import { plane, type Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/region.js';
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
import { coarserTile, composite, exposedColor, limitBlendWeight } from './scale-compositor.js';
import { copyTile, NEIGHBOR_OFFSETS, WindowFeatures } from './temporal-features.js';
import { TemporalFusion } from './temporal-fusion.js';

/** Told how long a part of the network ran, in milliseconds. */
export type Stopwatch = (
  part: 'features' | 'network' | 'kernels' | 'compositing',
  milliseconds: number,
) => void;

/** A level of a frame that its own kernels filter. */
export interface FilteredFrame {
  readonly width: number;
  readonly height: number;
  /** Noisy colour, then further planes that the same kernels filter. */
  readonly radiance: Raster;
  readonly albedo?: Raster;
  /** What becomes of the radiance. */
  readonly denoised: Raster;
}

/** What a tile is filtered with, beside what its level holds. */
export interface LevelTask<AnyLevel extends FilteredFrame = FilteredFrame> {
  readonly level: AnyLevel;
  readonly irradiance: boolean;
  /** First channels of the colours within the radiance. */
  readonly colors: readonly number[];
  /** log10 of lambda for each cell of 2 x 2 pixels; without it lambda is 1. */
  readonly logLambda?: Raster;
  /** What the albedo gate is written to, if it is kept. */
  readonly gate?: Raster;
}

/** A level of another frame of the window. */
export interface NeighborLevel {
  /** Index of its offset in the window. */
  readonly slot: number;
  /** With the planes of the centre's radiance. */
  readonly estimate: SingleFrameResult;
  /** From each pixel of the centre to its place, in pixels of the level; NaN where it is not known. */
  readonly motion: Raster;
  /** That of the next coarser level. */
  readonly coarserMotion: Raster;
}

/** A level of the centre of a window, to be joined with those of the other frames. */
export interface WindowTask {
  readonly spatial: Raster;
  readonly estimate: SingleFrameResult;
  /** The light of the centre for its lambda, which the result takes the place of; the estimate's, if lambda is 1. */
  readonly own: Raster;
  readonly denoised: Raster;
  readonly neighbors: readonly NeighborLevel[];
  readonly exposure: number;
  readonly irradiance: boolean;
  readonly colors: readonly number[];
  readonly logLambda?: Raster;
}

/**
 * The multi-scale network of Vogels et al. 2018. A picture is denoised in three steps, each for all tiles before the next
 * begins: `coarsen` builds the pyramid; `denoiseTile` filters the tiles of all levels (figure 2), or `extractTile` makes the
 * features of a frame, `filterTile` filters with them, and `fuseTile` joins frames of a window that are filtered (figure 3);
 * `compositeTile` joins the levels from coarse to fine (figure 4).
 */
export class KpcnNetwork {
  private readonly memory = new TensorMemory();
  private readonly windowFeatures = new WindowFeatures();

  private constructor(
    private readonly manifest: ModelManifest,
    private readonly frameFeatures: FrameFeatures,
    private readonly modules: Readonly<
      Record<
        | 'kernelPredictor'
        | 'scaleCompositor'
        | 'temporalFeatures'
        | 'lossSpecialization'
        | 'neighborPredictor',
        NetworkModule
      >
    >,
    private readonly kernelApply: KernelApply,
    private readonly neighborJoin: TemporalFusion,
  ) {}

  /** @throws QuietframeError `model-damaged` when a module does not load. */
  static async load(bundle: ModelBundle, engine: Engine): Promise<KpcnNetwork> {
    const { manifest, files } = bundle;
    const file = (name: string): Uint8Array => files[name] ?? new Uint8Array();
    const load = (name: string): Promise<NetworkModule> => engine.load(name, file(name));
    const tensor = (name: string): Float32Array => new Float32Array(new Uint8Array(file(name)).buffer);
    const { kernelSize, contextChannels, embeddingChannels } = manifest.architecture;
    const logits = { kernelSize, contextChannels, embeddingChannels, data: tensor('kernel_logits') };
    const scaleCompositor = await load('scale_compositor');
    const frameFeatures = await FrameFeatures.load(bundle, engine);
    const kernelPredictor = await load('kernel_predictor');
    return new KpcnNetwork(
      manifest,
      frameFeatures,
      {
        ...{ kernelPredictor, scaleCompositor },
        temporalFeatures: await load('temporal_features'),
        lossSpecialization: await load('loss_specialization'),
        neighborPredictor: await load('neighbor_predictor'),
      },
      new KernelApply(logits),
      new TemporalFusion({
        kernelSize: manifest.architecture.neighborKernelSize,
        slots: NEIGHBOR_OFFSETS.length,
      }),
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
    const area = grow(tile, tileOverlap(this.manifest, logLambda !== undefined), level.width, level.height);
    const planes = planesOf(level, task.irradiance);
    const reserved = this.kernelApply.reserve({ kernels: area, embedding: area }, planes.sources.length);
    const x = await timed(time, 'features', () => this.frameFeatures.components(level, area, reading));
    await timed(time, 'network', async () => {
      const embedding = reserved.embedding?.tensor as Tensor;
      const features = await this.frameFeatures.compute(x, reading.encoder, embedding);
      await this.predictKernels(features, area, logLambda, reserved);
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
    const area = grow(tile, featureOverlap(this.manifest), level.width, level.height);
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
    const overlap = filterOverlap(this.manifest, logLambda !== undefined);
    const area = grow(tile, overlap, level.width, level.height);
    const planes = planesOf(level, task.irradiance);
    const reserved = this.kernelApply.reserve({ kernels: area }, planes.sources.length);
    const cells = halved(area);
    const kernelDetail = this.cellsOf('kernel_detail', features.kernelDetail, cells);
    const spatial = this.cellsOf('spatial', features.spatial, cells);
    await timed(time, 'network', () =>
      this.predictKernels({ spatial, kernelDetail }, area, logLambda, reserved),
    );
    await timed(time, 'kernels', () => this.apply(task, planes, reserved, tile, features));
  }

  /** Figure 3: a tile of the frames of a window, which their own kernels have filtered, joined in the centre. */
  async fuseTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { spatial: features, estimate, own, neighbors, exposure, logLambda } = task;
    const overlap = joinOverlap(this.manifest, logLambda !== undefined);
    const area = grow(tile, overlap, own.width, own.height);
    const cells = halved(area);
    const kernels = this.neighborJoin.reserve(area, own.channels);
    const spatial = this.cellsOf('spatial', features, cells);
    const frames = neighbors.map(({ estimate: other, ...place }) => ({ ...other, ...place }));
    const differences = await timed(time, 'features', () =>
      this.windowFeatures.differences(estimate, frames, { area: cells, exposure }),
    );
    await timed(time, 'network', async () => {
      const temporal = this.memory.tensor('temporal', features.channels, ...sizeOf(cells));
      await this.modules.temporalFeatures.run({ spatial, differences }, { temporal });
      const specialized = await this.specialize(temporal, area, logLambda);
      await this.modules.neighborPredictor.run({ temporal: specialized }, { neighbor_features: kernels });
    });
    await timed(time, 'kernels', () => {
      // Irradiance has no albedo in it.
      const gate = estimate.albedo !== undefined && !task.irradiance ? { gate: estimate.gate } : {};
      const center = { ...gate, ...{ center: estimate, own, colors: task.colors, exposure } };
      this.neighborJoin.apply({ ...center, kernels: { area, tensor: kernels } }, frames, tile, task.denoised);
    });
  }

  /** Cells of a raster, as a tensor. */
  private cellsOf(name: string, features: Raster, cells: Tile): Tensor {
    const tensor = this.memory.tensor(name, features.channels, ...sizeOf(cells));
    copyTile(features, cells, tensor.data);
    return tensor;
  }

  private async predictKernels(
    { spatial, kernelDetail }: AreaFeatures,
    area: Tile,
    logLambda: Raster | undefined,
    reserved: KernelFeatures,
  ): Promise<void> {
    const specialized = await this.specialize(spatial, area, logLambda);
    await this.modules.kernelPredictor.run(
      { spatial: specialized, detail: kernelDetail },
      { kernel_features: reserved.kernels.tensor },
    );
  }

  /** Features for a lambda; those for 1, where it is 1 in the whole area. */
  private async specialize(spatial: Tensor, area: Tile, logLambda: Raster | undefined): Promise<Tensor> {
    if (logLambda === undefined) return spatial;
    const [, channels, height, width] = spatial.shape;
    const map = this.memory.tensor('log_lambda', 1, height, width);
    copyTile(logLambda, halved(area), map.data);
    if (map.data.every((value) => value === 0)) return spatial;
    const specialized = this.memory.tensor('specialized', channels, height, width);
    await this.modules.lossSpecialization.run({ spatial, log_lambda: map }, { specialized });
    return specialized;
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
   */
  async compositeTile(
    fine: Level,
    coarse: Level,
    exposure: number,
    tile: Tile,
    time: Stopwatch,
    isLimited = true,
  ): Promise<void> {
    await timed(time, 'compositing', async () => {
      const overlap = even(this.manifest.receptiveRadius.compositor);
      const area = grow(tile, overlap, fine.width, fine.height);
      const { width, height } = area;
      const pair = {
        fine: this.memory.tensor('fine', COLOR_CHANNELS, height, width),
        coarse: this.memory.tensor('coarse', COLOR_CHANNELS, height / 2, width / 2),
      };
      exposedColor(fine.denoised, area, exposure, pair.fine);
      exposedColor(coarse.composited, coarserTile(area), exposure, pair.coarse);
      const blendWeight = this.memory.tensor('blend_weight', 1, height, width);
      await this.modules.scaleCompositor.run(pair, { blend_weight: blendWeight });
      const { data } = blendWeight;
      if (isLimited) limitBlendWeight(fine.denoised, coarse.composited, { area, data });
      composite(fine.denoised, coarse.composited, { area, data }, fine.composited, tile);
    });
  }
}

/** Planes of a level in the order in which they are filtered. */
interface LevelPlanes {
  readonly sources: readonly Float32Array[];
  readonly targets: readonly (Float32Array | undefined)[];
  readonly hasAlbedo: boolean;
}

/** Irradiance has no albedo in it, so that none is filtered with it. */
function planesOf({ radiance, albedo, denoised }: FilteredFrame, irradiance: boolean): LevelPlanes {
  const hasAlbedo = albedo !== undefined && !irradiance;
  const targets: (Float32Array | undefined)[] = planesIn(denoised);
  if (hasAlbedo) targets.splice(COLOR_CHANNELS, 0, ...new Array(albedo.channels));
  return { sources: sourcePlanes(radiance, hasAlbedo ? albedo : undefined), targets, hasAlbedo };
}

function sourcePlanes(radiance: Raster, albedo: Raster | undefined): Float32Array[] {
  const planes = planesIn(radiance);
  if (albedo !== undefined) planes.splice(COLOR_CHANNELS, 0, ...planesIn(albedo));
  return planes;
}

function planesIn(image: Raster): Float32Array[] {
  return Array.from({ length: image.channels }, (_, c) => plane(image, c));
}

function sizeOf({ width, height }: Tile): [height: number, width: number] {
  return [height, width];
}

/** Pixels around a tile that its kernels depend on: their embeddings, their lambda, and what those were made of. */
export function tileOverlap({ architecture, receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  const kernel = architecture.kernelSize >> 1;
  const reach = hasLambda ? Math.max(kernel, receptiveRadius.specialization) : kernel;
  return even(receptiveRadius.features + reach);
}

/** The same where the features of the frame are there. */
export function filterOverlap({ receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  return even(hasLambda ? receptiveRadius.specialization : 0);
}

/** Pixels around a tile that the kernels in other frames depend on. */
export function joinOverlap({ receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  return even(receptiveRadius.temporal + (hasLambda ? receptiveRadius.specialization : 0));
}

/**
 * Bytes that a tile of one frame takes for each pixel of the tile with its overlap: input, detail and kernel features at our
 * place and at the engine's, feature maps; twice that, because allocators keep as much for the next module.
 */
export function tileBytesPerPixel({ architecture }: ModelManifest): number {
  const { inputChannels, featureChannels, contextChannels, embeddingChannels } = architecture;
  const head = contextChannels + 2 + embeddingChannels;
  return 2 * Float32Array.BYTES_PER_ELEMENT * (2 * inputChannels + 3 * head + (3 * featureChannels) / 4);
}

/** The same for a tile of a window: the centre's features, differences, guides of a frame at most twice as large, kernels. */
export function joinBytesPerPixel({ architecture }: ModelManifest): number {
  const { featureChannels, embeddingChannels } = architecture;
  const slots = NEIGHBOR_OFFSETS.length;
  const guides = embeddingChannels + 6;
  const cells = 4 * featureChannels + 2 * slots * (guides + 1) + 3 * guides;
  return 2 * Float32Array.BYTES_PER_ELEMENT * (cells / 4 + 2 * 4 * slots);
}

/** Networks work on pairs of pixels. */
function even(pixels: number): number {
  return Math.ceil(pixels / 2) * 2;
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
