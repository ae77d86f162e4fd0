import type { Tile } from '../../image/region.js';
import { estimateRasters, featureRasters, type SingleFrameResult } from '../../kpcn/frame-features.js';
import type { FrameLevel, Level, Picture } from '../../kpcn/frame-pyramid.js';
import { frameGraphBytesPerPixel, windowGraphBytesPerPixel } from '../../kpcn/gpu/graph-memory.js';
import { joinOverlap, tileOverlap } from '../../kpcn/tile-cost.js';
import type { WindowTask } from '../../kpcn/tile-tasks.js';
import { type Tiling, wholeOf } from '../tiling.js';
import type { DenoiseJob, DenoisePool } from '../worker/jobs.js';
import {
  boundJobs,
  type FilterTask,
  getCachedLevels,
  type KeptFrame,
  type KernelBackend,
  keepPlanes,
  lambdaOf,
  levelOf,
  type OtherFrame,
  windowTask,
} from './kernel-backend.js';

type KeptEstimate = KeptFrame<keyof SingleFrameResult | 'spatial'>;

/**
 * Filters frames on a device, which makes features and kernels in one go: of a frame of a window its estimate is kept, with the
 * features that it needs as a centre, and nothing of a single frame.
 */
export class GpuBackend implements KernelBackend {
  readonly unknown: readonly OtherFrame[];
  readonly readsCenter: boolean;
  readonly tiles: number;
  readonly #estimates: ReadonlyMap<OtherFrame, KeptEstimate>;
  /** Of the centre, in a window. */
  readonly #estimate: KeptEstimate | undefined;
  readonly #filters: boolean;
  readonly #levels: readonly Readonly<Record<'estimate' | 'filter' | 'join', readonly Tile[]>>[];
  readonly #model: string;

  constructor(
    private readonly task: FilterTask,
    private readonly pool: DenoisePool,
    tiling: Tiling,
  ) {
    const { manifest, picture, others, logs } = task;
    const { architecture } = manifest;
    const isWindow = others.length > 0;
    this.#model = `${manifest.name}@${manifest.version}`;
    this.#estimates = new Map(
      others.map((other) => [other, this.#getCachedLevels({ ...other, key: other.frame.key })]),
    );
    this.unknown = others.filter((other) => this.#estimates.get(other)?.known === false);
    this.#estimate = isWindow ? this.#getCachedLevels(task) : undefined;
    // In a window the frame's own kernels run again only for another lambda.
    this.#filters = !isWindow || logs !== undefined;
    this.readsCenter = this.#filters || this.#estimate?.known === false;

    const hasLambda = logs !== undefined;
    const frameBytes = frameGraphBytesPerPixel(architecture);
    this.#levels = picture.levels.map((level, l) => {
      const area = task.areas[l]?.filtered ?? wholeOf(level);
      return {
        estimate: tiling.tiles(wholeOf(level), tileOverlap(manifest, false), frameBytes),
        filter: tiling.tiles(area, tileOverlap(manifest, hasLambda), frameBytes),
        join: tiling.tiles(area, joinOverlap(manifest, hasLambda), windowGraphBytesPerPixel(architecture)),
      };
    });
    this.tiles = this.#levels.reduce((sum, { join, filter }) => sum + (isWindow ? join : filter).length, 0);
  }

  plan(): void {
    const { jobs } = this.task;
    const frames = this.unknown.length + (this.#estimate?.known === false ? 1 : 0);
    for (const { estimate, filter, join } of this.#levels) {
      for (let n = 0; n < frames; n++) jobs.plan('estimate', estimate);
      if (this.#filters) jobs.plan('denoise', filter);
      if (this.#estimate !== undefined) jobs.plan('join', join);
    }
  }

  estimate(other: OtherFrame, picture: Picture<FrameLevel>, exposure: number): Promise<void> {
    return this.#estimateFrame(picture, this.#estimates.get(other) as KeptEstimate, exposure);
  }

  async denoise(exposure: number): Promise<void> {
    const { picture } = this.task;
    const center = this.#estimate;
    if (center?.known === false) await this.#estimateFrame(picture, center, exposure);
    if (this.#filters) await this.#filter(exposure);
    if (center !== undefined) await this.#join(center, exposure);
  }

  #getCachedLevels(frame: Pick<FilterTask, 'key' | 'seen' | 'prefiltered'>): KeptEstimate {
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
    await this.#runTiles('estimate', (l, tile) => {
      const { light, gate, ...kept } = levelOf(to, l);
      const task = { level: { ...(levels[l] as FrameLevel), denoised: light }, irradiance, colors, gate };
      return { kind: 'estimate', model: this.#model, task, reading, tile, kept };
    });
    keepPlanes(picture, to);
  }

  #filter(exposure: number): Promise<void> {
    const { picture, irradiance } = this.task;
    const reading = { encoder: picture.encoder, exposure, irradiance };
    return this.#runTiles('filter', (l, tile) => {
      const level = picture.levels[l] as Level;
      const task = { level, irradiance, colors: picture.colors, ...lambdaOf(this.task, l) };
      return { kind: 'denoise', model: this.#model, task, reading, tile };
    });
  }

  async #join(center: KeptEstimate, exposure: number): Promise<void> {
    const others = this.#estimates;
    const taskOf = (l: number): WindowTask =>
      windowTask(this.task, { center, others, features: levelOf(center, l), exposure }, l);
    await this.#runTiles('join', (l, tile) => ({ kind: 'join', model: this.#model, task: taskOf(l), tile }));
    // On the CPU: its light is in memory already.
    await this.task.jobs.run(boundJobs(taskOf(0), this.#levels[0]?.join));
  }

  #runTiles(
    kind: 'estimate' | 'filter' | 'join',
    jobOf: (l: number, tile: Tile) => DenoiseJob,
  ): Promise<void> {
    const jobs = this.#levels.flatMap((tiles, l) => tiles[kind].map((tile) => jobOf(l, tile)));
    return this.task.jobs.run(jobs, this.pool);
  }
}
