import type { ModelManifest } from '../../engine/model-manifest.js';
import type { Raster } from '../../image/raster.js';
import type { FrameLevel, Picture } from '../../kpcn/frame-pyramid.js';
import type { EncoderInputs } from '../../kpcn/source-encoder.js';
import type { LevelArea } from '../tiling.js';
import type { WindowFrame } from '../types.js';
import type { RequestJobs } from '../worker/progress-tracker.js';
import type { DebugRasters, Pixel } from './debug-outputs.js';
import type { FeatureLease } from './feature-cache.js';

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
