import type { Raster } from '../image/raster.js';
import type { SingleFrameResult } from './frame-features.js';

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
  /** For networks with joint kernels. */
  readonly kernelDetail?: Raster;
  readonly estimate: SingleFrameResult;
  /** The light of the centre for its lambda, which the result takes the place of; the estimate's, if lambda is 1. */
  readonly own: Raster;
  readonly denoised: Raster;
  readonly neighbors: readonly NeighborLevel[];
  readonly exposure: number;
  readonly irradiance: boolean;
  readonly colors: readonly number[];
  readonly logLambda?: Raster;
  /** What the weights of the frames are written to, the centre's first: their sum is 1. */
  readonly shares?: Raster;
}

/** Runs a part of the network and tells how long it took. */
export async function timed<T>(
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
