import type { ModelManifest } from '../../engine/model-manifest.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import type { ExplainedLevel } from '../../kpcn/explain/explain-level.js';
import { colorAt } from '../../kpcn/explain/pixel-kernel.js';
import { COLOR_CHANNELS, type Level, type Picture } from '../../kpcn/frame-pyramid.js';
import { NEIGHBOR_OFFSETS } from '../../kpcn/temporal-features.js';
import { hasJointKernels } from '../../kpcn/tile-cost.js';
import { blendTowardsInput } from './shrinkage.js';

/** A pixel, from the upper left of the frame. */
export interface Pixel {
  readonly x: number;
  readonly y: number;
}

/** What of the network's work a request wants to see. */
export interface DebugRequest {
  /** The denoised levels, before they are composited. */
  readonly levels?: boolean;
  /** Alpha of equation 5, for all levels but the coarsest. */
  readonly blendWeights?: boolean;
  /** The share of each frame of a window. */
  readonly windowShares?: boolean;
  /** How much of the albedo's texture comes back. */
  readonly gate?: boolean;
  /** Pixels whose kernels are wanted, at most {@link MAX_PIXELS}. */
  readonly pixels?: readonly Pixel[];
}

/** Rasters of all levels, the finest first, in the size of the frame: pixels of coarser levels are repeated. */
export interface DebugOutputs {
  readonly levels?: readonly Raster[];
  readonly blendWeights?: readonly Raster[];
  /** A channel for each of the frames of `offsets`. */
  readonly windowShares?: readonly Raster[];
  /** Frames of the window: 0, the frame itself, then the others in their order. */
  readonly offsets: readonly number[];
  readonly gate?: readonly Raster[];
  readonly pixels?: readonly ExplainedPixel[];
}

/** What is made of one pixel. */
export interface ExplainedPixel extends Pixel {
  /** The composited color, and what the noise guard takes of it, in [0, 1]; the rest is the noisy color. */
  readonly color: readonly number[];
  readonly denoisedWeight: number;
  /** The finest first. */
  readonly levels: readonly (ExplainedLevel & {
    /** The denoised color of the level before it is composited. */
    readonly denoised: readonly number[];
    /** Alpha of equation 5; none at the coarsest level. */
    readonly blendWeight?: number;
  })[];
}

export const MAX_PIXELS = 64;

/** @throws QuietframeError `invalid-argument` for too many pixels, and those that are not in the picture. */
export function checkPixels(
  pixels: readonly Pixel[],
  { width, height }: Pick<Raster, 'width' | 'height'>,
): void {
  if (pixels.length < 1 || pixels.length > MAX_PIXELS) {
    throw invalidArgument(`1 to ${MAX_PIXELS} pixels`, 'pixels', `${pixels.length}`);
  }
  for (const { x, y } of pixels) {
    const isWhole = Number.isInteger(x) && Number.isInteger(y);
    if (isWhole && x >= 0 && y >= 0 && x < width && y < height) continue;
    throw invalidArgument(`pixels within ${width} x ${height}`, 'pixels', `${x},${y}`);
  }
}

/**
 * Kernels are told apart from the fusion of a window only where the network does so.
 * @throws QuietframeError `not-implemented` for the kernels of a window whose frames are filtered jointly.
 */
export function checkKernelOutput(
  { neighbors, debug }: { readonly neighbors: readonly unknown[]; readonly debug?: DebugRequest },
  { name, version, architecture }: Pick<ModelManifest, 'name' | 'version' | 'architecture'>,
): void {
  if (debug?.pixels === undefined || neighbors.length === 0 || !hasJointKernels(architecture)) return;
  const message = expected(
    'a single frame, or a model that filters the frames of a window one by one',
    'outputs=kernels',
    `a window for ${name}@${version}`,
  );
  throw new QuietframeError('not-implemented', message, { parameter: 'outputs' });
}

/** What workers write while a frame is denoised, of its levels; only what is asked for. */
export interface DebugRasters {
  readonly blendWeights?: readonly Raster[];
  readonly windowShares?: readonly Raster[];
  /** Of a single frame; a window has it in what is kept of its centre. */
  readonly gate?: readonly Raster[];
}

export function allocateDebugRasters(
  { levels }: Picture,
  { blendWeights, windowShares, gate, pixels }: DebugRequest,
  frames: number,
): DebugRasters {
  const all = (of: readonly Level[], channels: number): Raster[] =>
    of.map(({ width, height }) => sharedRaster(width, height, channels));
  return {
    ...((blendWeights || pixels) && { blendWeights: all(levels.slice(0, -1), 1) }),
    ...(windowShares && frames > 1 && { windowShares: all(levels, frames) }),
    ...(gate && frames === 1 && { gate: all(levels, 1) }),
  };
}

/** What the work on a frame has left behind. */
export interface DebugSources {
  readonly task: {
    readonly picture: Picture;
    readonly others: readonly { readonly slot: number }[];
    readonly debug?: DebugRasters;
  };
  readonly request: DebugRequest;
  /** Of the levels of a window's centre. */
  readonly gate?: readonly Raster[];
  readonly explained: readonly ExplainedLevel[];
  /** The composited color in the size of the frame. */
  readonly color: Raster;
  /** Shares of the noise guard; undefined where all are 1. */
  readonly denoisedWeight: Raster | undefined;
}

/** Copies what a request wants to see, for the memory of levels is that of the next request. */
export function debugOutputs({
  task: { picture, others, debug = {} },
  request,
  ...sources
}: DebugSources): DebugOutputs {
  const { levels } = picture;
  const { blendWeights, windowShares } = debug;
  const gate = debug.gate ?? sources.gate;
  const enlarge = (rasters: readonly Raster[], channels?: number): Raster[] =>
    rasters.map((from, l) => enlarged(from, l, picture, channels));
  return {
    offsets: [0, ...others.map(({ slot }) => NEIGHBOR_OFFSETS[slot] as number)],
    ...(request.levels && {
      levels: enlarge(
        levels.map(({ denoised }) => denoised),
        COLOR_CHANNELS,
      ),
    }),
    ...(request.blendWeights && blendWeights && { blendWeights: enlarge(blendWeights) }),
    ...(request.windowShares && {
      // A frame alone is all of its window.
      windowShares: windowShares ? enlarge(windowShares) : levels.map(() => ones(picture)),
    }),
    ...(request.gate && gate && { gate: enlarge(gate) }),
    ...(request.pixels && {
      pixels: request.pixels.map((pixel, i) =>
        explainedPixel(pixel, i, { picture, blendWeights: blendWeights ?? [], ...sources }),
      ),
    }),
  };
}

function explainedPixel(
  { x, y }: Pixel,
  index: number,
  {
    picture: { levels },
    blendWeights,
    explained,
    color,
    denoisedWeight,
  }: Pick<DebugSources, 'explained' | 'color' | 'denoisedWeight'> & {
    readonly picture: Picture;
    readonly blendWeights: readonly Raster[];
  },
): ExplainedPixel {
  const own = explained.slice(index * levels.length, (index + 1) * levels.length);
  return {
    ...{ x, y, color: colorAt(color, x, y) },
    denoisedWeight: denoisedWeight === undefined ? 1 : weightAt(denoisedWeight, color, x, y),
    levels: own.map((level, l) => {
      const weights = blendWeights[l];
      return {
        ...level,
        denoised: colorAt((levels[l] as Level).denoised, level.x, level.y),
        ...(weights && { blendWeight: weights.data[level.y * weights.width + level.x] as number }),
      };
    }),
  };
}

/** What of a picture of ones is left when it is blended with nothing. */
function weightAt(share: Raster, { width, height }: Raster, x: number, y: number): number {
  const weight = ones({ width, height });
  blendTowardsInput(raster(width, height, 1), weight, share, { x, y, width: 1, height: 1 });
  return weight.data[y * width + x] as number;
}

function ones({ width, height }: Pick<Raster, 'width' | 'height'>): Raster {
  const result = raster(width, height, 1);
  result.data.fill(1);
  return result;
}

/** The first channels of a level in the size of the frame. */
function enlarged(from: Raster, level: number, { width, height }: Picture, channels = from.channels): Raster {
  const result = raster(width, height, channels);
  for (let c = 0; c < channels; c++) {
    const [source, target] = [plane(from, c), plane(result, c)];
    for (let y = 0; y < height; y++) {
      const row = (y >> level) * from.width;
      for (let x = 0; x < width; x++) target[y * width + x] = source[row + (x >> level)] as number;
    }
  }
  return result;
}

/** Zeros that worker threads write without a copy. */
function sharedRaster(width: number, height: number, channels: number): Raster {
  const bytes = width * height * channels * Float32Array.BYTES_PER_ELEMENT;
  return raster(width, height, channels, new Float32Array(new SharedArrayBuffer(bytes)));
}
