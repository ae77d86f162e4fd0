import type { Raster } from '../../image/raster.js';
import type { PixelTask } from '../../kpcn/explain/explain-level.js';
import {
  estimateRasters,
  featureOverlap,
  featureRasters,
  type LevelFeatures,
} from '../../kpcn/frame-features.js';
import type { FrameLevel, Level, Picture } from '../../kpcn/frame-pyramid.js';
import {
  filterOverlap,
  joinBytesPerPixel,
  joinOverlap,
  tileBytesPerPixel,
  tileOverlap,
} from '../../kpcn/tile-cost.js';
import { type Tiling, wholeOf } from '../tiling.js';
import type { DenoiseJob } from '../worker/jobs.js';
import type { Pixel } from './debug-outputs.js';
import { levelsBytes } from './feature-cache.js';
import { joinWindow, lambdaOf, type WindowInputs, windowTask } from './join-window.js';
import {
  type FrameContent,
  getCachedLevels,
  type KeptFrame,
  keepPlanes,
  levelOf,
  WindowEstimates,
} from './kept-frames.js';
import type { FilterTask, KernelBackend, OtherFrame } from './kernel-backend.js';
import { LevelTiles } from './level-tiles.js';

type KeptFeatures = KeptFrame<keyof LevelFeatures>;

/**
 * Filters frames on the CPU. Features of frames are kept apart from estimates: another lambda, and another window of the frame,
 * begin after them. A single frame whose features are not to be kept is filtered without storing any.
 */
export class CpuBackend implements KernelBackend {
  readonly unknown: readonly OtherFrame[];
  readonly readsCenter: boolean;
  readonly tiles: number;
  readonly #estimates: WindowEstimates;
  /** Of the centre, where they are stored. */
  readonly #features: KeptFeatures | undefined;
  /** Whether the centre's features, and what its kernels make of it for lambda, are still to be made. */
  readonly #extracts: boolean;
  readonly #filters: boolean;
  readonly #tiles: LevelTiles<'extract' | 'estimate' | 'filter' | 'join'>;
  readonly #model: string;

  /** @param featureBytes most bytes of features that may be kept. */
  constructor(
    private readonly task: FilterTask,
    tiling: Tiling,
    featureBytes: number,
  ) {
    const { manifest, picture, others, logs, key } = task;
    const { architecture } = manifest;
    const isWindow = others.length > 0;
    this.#model = `${manifest.name}@${manifest.version}`;
    this.#estimates = new WindowEstimates(task, (frame) => this.#lookUpEstimate(frame));
    this.unknown = this.#estimates.unknown;
    const layout = { ...picture, levels: architecture.levels, rasters: featureRasters(architecture) };
    const keeps = key !== undefined && levelsBytes(layout) <= featureBytes;
    this.#features = keeps || isWindow || task.keepsFeatures ? this.#lookUpFeatures(task) : undefined;
    const { lacksCenter } = this.#estimates;
    this.#extracts = this.#features !== undefined && (!this.#features.known || lacksCenter);
    // In a window the frame's own kernels run again only for another lambda.
    this.#filters = !isWindow || logs !== undefined;
    this.readsCenter = this.#extracts || lacksCenter || this.#filters;

    const hasLambda = logs !== undefined;
    const tileBytes = tileBytesPerPixel(manifest);
    const overlap =
      this.#features === undefined ? tileOverlap(manifest, hasLambda) : filterOverlap(manifest, hasLambda);
    const levels = picture.levels.map((level, l) => {
      const area = task.areas[l]?.filtered ?? wholeOf(level);
      return {
        extract: tiling.tiles(wholeOf(level), featureOverlap(manifest), tileBytes),
        estimate: tiling.tiles(wholeOf(level), 0, tileBytes),
        filter: tiling.tiles(area, overlap, tileBytes),
        join: tiling.tiles(area, joinOverlap(manifest, hasLambda), joinBytesPerPixel(manifest)),
      };
    });
    this.#tiles = new LevelTiles(task.jobs, levels);
    this.tiles = this.#tiles.count(isWindow ? 'join' : 'filter');
  }

  plan(): void {
    const tiles = this.#tiles;
    for (const _ of this.unknown) {
      tiles.plan('extract', 'extract');
      tiles.plan('filter', 'estimate');
    }
    if (this.#extracts) tiles.plan('extract', 'extract');
    if (this.#estimates.lacksCenter) tiles.plan('filter', 'estimate');
    if (this.#filters) tiles.plan(this.#features === undefined ? 'denoise' : 'filter', 'filter');
    if (this.#estimates.center !== undefined) tiles.plan('join', 'join');
  }

  async estimate(other: OtherFrame, picture: Picture<FrameLevel>, exposure: number): Promise<void> {
    const to = this.#estimates.of(other);
    const features = this.#lookUpFeatures({ ...other, key: other.frame.key });
    await this.#extract(picture, features, to, exposure);
    await this.#estimateFrame(picture, features, to);
    // A frame that stands twice in its window still needs them as its centre.
    if (features.cached !== this.#features?.cached) this.task.lease.release(features.key, features.cached);
  }

  async denoise(exposure: number): Promise<void> {
    const { picture } = this.task;
    const features = this.#features;
    if (features === undefined) {
      await this.#denoiseAlone(exposure);
      return;
    }
    const { center } = this.#estimates;
    if (this.#extracts) await this.#extract(picture, features, center, exposure);
    if (center?.known === false) await this.#estimateFrame(picture, features, center);
    if (this.#filters) await this.#filter(features);
    const inputs = this.#windowInputs(features, exposure);
    if (inputs !== undefined) await joinWindow(this.task, inputs, this.#tiles);
  }

  get windowGate(): readonly Raster[] | undefined {
    return this.#estimates.center?.cached.levels.map(({ gate }) => gate);
  }

  async explain(pixels: readonly Pixel[], exposure: number): Promise<void> {
    const { picture, irradiance, jobs } = this.task;
    const features = this.#features;
    const { center } = this.#estimates;
    if (features === undefined) throw new TypeError('The features of the frame were not stored');
    const inputs = this.#windowInputs(features, exposure);
    const tasks = pixels.flatMap(({ x, y }) =>
      picture.levels.map(({ radiance, albedo }, l): PixelTask => {
        const ofLevel = levelOf(features, l);
        const window = inputs && windowTask(this.task, inputs, l);
        const filtered = center === undefined ? albedo : levelOf(center, l).albedo;
        return {
          ...{ x: x >> l, y: y >> l, features: ofLevel, radiance, isBounded: l === 0 },
          ...lambdaOf(this.task, l),
          ...(filtered && !irradiance && { albedo: filtered }),
          ...(window && { window }),
        };
      }),
    );
    await jobs.run(tasks.map((task, index) => ({ kind: 'explain', model: this.#model, index, task })));
  }

  #lookUpEstimate(frame: FrameContent): KeptFrame {
    const { manifest, seen, picture } = this.task;
    const lights = picture.levels[0]?.radiance.channels ?? 0;
    const rasters = estimateRasters(manifest.architecture, lights, seen.albedo !== undefined);
    return getCachedLevels(this.task, 'estimate', rasters, frame);
  }

  #lookUpFeatures(frame: FrameContent): KeptFeatures {
    return getCachedLevels(this.task, 'features', featureRasters(this.task.manifest.architecture), frame);
  }

  /** The features of a frame, and the means of its embedding in its estimate. */
  #extract(
    { levels, encoder }: Picture<FrameLevel>,
    to: KeptFeatures,
    estimate: KeptFrame | undefined,
    exposure: number,
  ): Promise<void> {
    const { irradiance } = this.task;
    const reading = { encoder, exposure, irradiance };
    return this.#tiles.run('extract', (l, tile): DenoiseJob => {
      const means = estimate?.cached.levels[l]?.coarseEmbedding;
      const features = { ...levelOf(to, l), ...(means && { coarseEmbedding: means }) };
      const level = levels[l] as FrameLevel;
      return { kind: 'extract', model: this.#model, reading, tile, level, features };
    });
  }

  /** What the kernels of a frame make of it at lambda = 1. */
  async #estimateFrame(picture: Picture<FrameLevel>, features: KeptFeatures, to: KeptFrame): Promise<void> {
    const { irradiance } = this.task;
    const { levels, colors } = picture;
    await this.#tiles.run('estimate', (l, tile) => {
      const { light, gate } = levelOf(to, l);
      const task = { level: { ...(levels[l] as FrameLevel), denoised: light }, irradiance, colors, gate };
      return { kind: 'filter', model: this.#model, task, features: levelOf(features, l), tile };
    });
    keepPlanes(picture, to);
    for (const [l, { embedding }] of to.cached.levels.entries()) {
      embedding?.data.set(levelOf(features, l).embedding.data);
    }
  }

  #denoiseAlone(exposure: number): Promise<void> {
    const { picture, irradiance } = this.task;
    const reading = { encoder: picture.encoder, exposure, irradiance };
    return this.#tiles.run('filter', (l, tile) => ({
      ...{ kind: 'denoise', model: this.#model, task: this.#centerTask(l), reading, tile },
    }));
  }

  #filter(features: KeptFeatures): Promise<void> {
    return this.#tiles.run('filter', (l, tile) => ({
      ...{ kind: 'filter', model: this.#model, task: this.#centerTask(l), tile },
      features: levelOf(features, l),
    }));
  }

  #centerTask(l: number): Extract<DenoiseJob, { kind: 'denoise' }>['task'] {
    const { picture, irradiance } = this.task;
    const level = picture.levels[l] as Level;
    const gate = this.task.debug?.gate?.[l];
    return { level, irradiance, colors: picture.colors, ...lambdaOf(this.task, l), ...(gate && { gate }) };
  }

  /** Nothing outside a window. */
  #windowInputs(features: KeptFeatures, exposure: number): WindowInputs | undefined {
    const { center, others } = this.#estimates;
    if (center === undefined) return undefined;
    return { center, others, featuresOf: (l) => levelOf(features, l), exposure };
  }
}
