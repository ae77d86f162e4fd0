import type { ModelManifest } from '../../engine/model-manifest.js';
import type { Raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import type { LevelFeatures, LevelRaster, SingleFrameResult } from '../../kpcn/frame-features.js';
import type { FrameLevel, Level, Picture } from '../../kpcn/frame-pyramid.js';
import type { EncoderInputs } from '../../kpcn/source-encoder.js';
import type { WindowTask } from '../../kpcn/tile-tasks.js';
import type { LevelArea } from '../tiling.js';
import type { WindowFrame } from '../types.js';
import type { DenoiseJob } from '../worker/jobs.js';
import type { RequestJobs } from '../worker/progress-tracker.js';
import type { DebugRasters, Pixel } from './debug-outputs.js';
import type { CachedLevels, FeatureLease } from './feature-cache.js';

/**
 * Filters the frames of one request by their own kernels and joins them in the centre, each at all levels: on the CPU's workers
 * or on a device. What windows need of a frame is looked up in the cache when it is made.
 */
export interface KernelBackend {
  /** Other frames whose estimates are still to be made. */
  readonly unknown: readonly OtherFrame[];
  /** Whether all levels of the centre are read; if not, everything that is made of them is there. */
  readonly readsCenter: boolean;
  /** Tiles of the centre, of all levels. */
  readonly tiles: number;
  /** Says what jobs are ahead. */
  plan(): void;
  /**
   * Makes the estimate of another frame.
   * @param exposure of that frame.
   */
  estimate(other: OtherFrame, picture: Picture<FrameLevel>, exposure: number): Promise<void>;
  /** Fills the `denoised` of the centre's levels. */
  denoise(exposure: number): Promise<void>;
  /** Predicts the kernels of pixels again, after `denoise`: jobs for all levels of each pixel. */
  explain?(pixels: readonly Pixel[], exposure: number): Promise<void>;
  /** The albedo gate of the levels of a window's centre. */
  readonly windowGate?: readonly Raster[] | undefined;
}

/** A frame beside the centre. */
export interface OtherFrame {
  readonly frame: WindowFrame;
  readonly seen: EncoderInputs;
  readonly slot: number;
  /** Whether its albedo and normals have no noise, as they are or after the prefilter. */
  readonly isClean: boolean;
  /** Whether they are prefiltered. */
  readonly prefiltered: boolean;
  /** One level more than the others. */
  readonly motion: readonly Raster[];
}

/** What a request is about. */
export interface FilterTask {
  readonly manifest: ModelManifest;
  readonly irradiance: boolean;
  /** Of the centre's content. */
  readonly key: string | undefined;
  readonly seen: EncoderInputs;
  /** Whether the centre's auxiliaries are prefiltered. */
  readonly prefiltered: boolean;
  /** The centre. */
  readonly picture: Picture;
  /** log10 of lambda at all levels and one more; none for 1. */
  readonly logs: readonly Raster[] | undefined;
  readonly others: readonly OtherFrame[];
  readonly areas: readonly LevelArea[];
  /** Whether the features of a single frame are stored whatever the cache, for its kernels to be predicted again. */
  readonly keepsFeatures?: boolean;
  /** What is written for those who want to look inside. */
  readonly debug?: DebugRasters;
  readonly jobs: RequestJobs;
  readonly lease: FeatureLease;
}

/** What is kept of a frame, and whether it is there already. */
export interface KeptFrame<Name extends string = keyof SingleFrameResult> {
  /** Nothing is kept without one. */
  readonly key: string | undefined;
  readonly cached: CachedLevels<Name>;
  readonly known: boolean;
}

/** Rasters of all levels of a frame of the request, by a name of what they are. */
export function getCachedLevels<Name extends string>(
  { manifest, irradiance, picture, lease }: FilterTask,
  what: string,
  rasters: readonly LevelRaster<Name>[],
  { key, seen, prefiltered }: Pick<FilterTask, 'key' | 'seen' | 'prefiltered'>,
): KeptFrame<Name> {
  const { width, height } = picture;
  const { name, version, architecture } = manifest;
  const made = [what, name, version, seen.encoder, prefiltered, irradiance, width, height];
  const own = key && [...made, key].join(' ');
  return { key: own, ...lease.get(own, { width, height, levels: architecture.levels, rasters }) };
}

/** What a window is joined from. */
export interface WindowEstimates {
  readonly center: Pick<KeptFrame, 'cached'>;
  readonly others: ReadonlyMap<OtherFrame, Pick<KeptFrame, 'cached'>>;
  /** Features of the level of the centre. */
  readonly features: Pick<LevelFeatures, 'spatial'> & Partial<Pick<LevelFeatures, 'kernelDetail'>>;
  readonly exposure: number;
}

/** A level of what is kept. */
export function levelOf<Name extends string>(
  { cached }: Pick<KeptFrame<Name>, 'cached'>,
  l: number,
): Readonly<Record<Name, Raster>> {
  return cached.levels[l] as Readonly<Record<Name, Raster>>;
}

/** The lambdas of a level's cells, which are the pixels of the next coarser one. */
export function lambdaOf({ logs }: FilterTask, l: number): { readonly logLambda?: Raster } {
  const logLambda = logs?.[l + 1];
  return logLambda === undefined ? {} : { logLambda };
}

/** A level of the centre with the other frames, to be joined. */
export function windowTask(
  task: FilterTask,
  { center, others, features, exposure }: WindowEstimates,
  l: number,
): WindowTask {
  const { picture, irradiance, logs } = task;
  const { denoised } = picture.levels[l] as Level;
  const shares = task.debug?.windowShares?.[l];
  const estimate = levelOf(center, l);
  return {
    ...{ estimate, exposure, irradiance, denoised, colors: picture.colors },
    spatial: features.spatial,
    ...(features.kernelDetail && { kernelDetail: features.kernelDetail }),
    own: logs === undefined ? estimate.light : denoised,
    neighbors: task.others.map((other) => {
      const [motion, coarserMotion] = other.motion.slice(l, l + 2) as [Raster, Raster];
      const kept = others.get(other) as Pick<KeptFrame, 'cached'>;
      return { slot: other.slot, estimate: levelOf(kept, l), motion, coarserMotion };
    }),
    ...lambdaOf(task, l),
    ...(shares && { shares }),
  };
}

/** What limits the finest level of a window after its frames were joined; the coarser ones hardly have such pixels. */
export function boundJobs(task: WindowTask, tiles: readonly Tile[] = []): DenoiseJob[] {
  return tiles.map((tile) => ({ kind: 'bound', task, tile }));
}

/** Copies what estimates have of a frame as it is: the albedo, and for joint kernels its noisy light. */
export function keepPlanes({ levels }: Picture<FrameLevel>, { cached }: Pick<KeptFrame, 'cached'>): void {
  for (const [l, { albedo, radiance }] of cached.levels.entries()) {
    const level = levels[l] as FrameLevel;
    if (albedo !== undefined) albedo.data.set(level.albedo?.data ?? []);
    radiance?.data.set(level.radiance.data);
  }
}
