import { estimateRasters, featureRasters, type SingleFrameResult } from '../../kpcn/frame-features.js';
import type { FrameLevel, Level, Picture } from '../../kpcn/frame-pyramid.js';
import { frameGraphBytesPerPixel, windowGraphBytesPerPixel } from '../../kpcn/gpu/graph-memory.js';
import { joinOverlap, tileOverlap } from '../../kpcn/tile-cost.js';
import { type Tiling, wholeOf } from '../tiling.js';
import type { DenoisePool } from '../worker/jobs.js';
import { joinWindow, lambdaOf } from './join-window.js';
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

type KeptEstimate = KeptFrame<keyof SingleFrameResult | 'spatial'>;

/**
 * Filters frames on a device, which makes features and kernels in one go: of a frame of a window its estimate is kept, with the
 * features that it needs as a centre, and nothing of a single frame.
 */
export class GpuBackend implements KernelBackend {
  readonly unknown: readonly OtherFrame[];
  readonly readsCenter: boolean;
  readonly tiles: number;
  readonly #estimates: WindowEstimates<keyof SingleFrameResult | 'spatial'>;
  readonly #filters: boolean;
  readonly #tiles: LevelTiles<'estimate' | 'filter' | 'join'>;
  readonly #model: string;

  constructor(
    private readonly task: FilterTask,
    pool: DenoisePool,
    tiling: Tiling,
  ) {
    const { manifest, picture, others, logs } = task;
    const { architecture } = manifest;
    const isWindow = others.length > 0;
    this.#model = `${manifest.name}@${manifest.version}`;
    this.#estimates = new WindowEstimates(task, (frame) => this.#lookUpEstimate(frame));
    this.unknown = this.#estimates.unknown;
    // In a window the frame's own kernels run again only for another lambda.
    this.#filters = !isWindow || logs !== undefined;
    this.readsCenter = this.#filters || this.#estimates.lacksCenter;

    const hasLambda = logs !== undefined;
    const frameBytes = frameGraphBytesPerPixel(architecture);
    const levels = picture.levels.map((level, l) => {
      const area = task.areas[l]?.filtered ?? wholeOf(level);
      return {
        estimate: tiling.tiles(wholeOf(level), tileOverlap(manifest, false), frameBytes),
        filter: tiling.tiles(area, tileOverlap(manifest, hasLambda), frameBytes),
        join: tiling.tiles(area, joinOverlap(manifest, hasLambda), windowGraphBytesPerPixel(architecture)),
      };
    });
    this.#tiles = new LevelTiles(task.jobs, levels, pool);
    this.tiles = this.#tiles.count(isWindow ? 'join' : 'filter');
  }

  plan(): void {
    const frames = this.unknown.length + (this.#estimates.lacksCenter ? 1 : 0);
    for (let n = 0; n < frames; n++) this.#tiles.plan('estimate', 'estimate');
    if (this.#filters) this.#tiles.plan('denoise', 'filter');
    if (this.#estimates.center !== undefined) this.#tiles.plan('join', 'join');
  }

  estimate(other: OtherFrame, picture: Picture<FrameLevel>, exposure: number): Promise<void> {
    return this.#estimateFrame(picture, this.#estimates.of(other), exposure);
  }

  async denoise(exposure: number): Promise<void> {
    const { picture } = this.task;
    const { center, others } = this.#estimates;
    if (center?.known === false) await this.#estimateFrame(picture, center, exposure);
    if (this.#filters) await this.#filter(exposure);
    if (center === undefined) return;
    const featuresOf = (l: number) => levelOf(center, l);
    await joinWindow(this.task, { center, others, featuresOf, exposure }, this.#tiles);
  }

  #lookUpEstimate(frame: FrameContent): KeptEstimate {
    const { manifest, seen, picture } = this.task;
    const { architecture } = manifest;
    const lights = picture.levels[0]?.radiance.channels ?? 0;
    const rasters = [
      ...estimateRasters(architecture, lights, seen.albedo !== undefined),
      ...featureRasters(architecture).flatMap(({ name, ...size }) =>
        name === 'spatial' ? [{ name, ...size }] : [],
      ),
    ];
    return getCachedLevels(this.task, 'estimate and features', rasters, frame);
  }

  async #estimateFrame(picture: Picture<FrameLevel>, to: KeptEstimate, exposure: number): Promise<void> {
    const { irradiance } = this.task;
    const { levels, colors, encoder } = picture;
    const reading = { encoder, exposure, irradiance };
    await this.#tiles.run('estimate', (l, tile) => {
      const { light, gate, ...kept } = levelOf(to, l);
      const task = { level: { ...(levels[l] as FrameLevel), denoised: light }, irradiance, colors, gate };
      return { kind: 'estimate', model: this.#model, task, reading, tile, kept };
    });
    keepPlanes(picture, to);
  }

  #filter(exposure: number): Promise<void> {
    const { picture, irradiance } = this.task;
    const reading = { encoder: picture.encoder, exposure, irradiance };
    return this.#tiles.run('filter', (l, tile) => {
      const level = picture.levels[l] as Level;
      const task = { level, irradiance, colors: picture.colors, ...lambdaOf(this.task, l) };
      return { kind: 'denoise', model: this.#model, task, reading, tile };
    });
  }
}
