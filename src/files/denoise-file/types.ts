import type { Denoiser } from '../../denoise/denoiser.js';
import type { PostProcessOptions, PrefilterChoice } from '../../denoise/types.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ResolveOptions } from '../../frame/layers/resolve-layers.js';
import type { Raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import type { FullReport } from '../report.js';
import type { FrameCache } from '../window/frame-cache.js';
import type { MapsRequest } from './maps.js';
import type { WrapMode } from './wrap.js';

/** A frame of the same shot. */
export interface Neighbor {
  readonly exr: Uint8Array;
  /** Frames from the one that is denoised: -1 is the frame before it. Never 0. */
  readonly offset: number;
  /** What errors and warnings call it; `neighbor[offset]` by default. */
  readonly name?: string;
}

/** What is done with alpha; see `coverageOf` for `auto`. */
export type AlphaMode = 'auto' | 'copy' | 'denoise';

/** The files of a request. */
export interface DenoiseExrFiles {
  /** The noisy frame. The result is this file with its colour denoised. */
  readonly exr: Uint8Array;
  /**
   * Two renders of the frame, independent and with as many samples as each other: their mean is denoised, and their
   * difference tells the variance. `exr` is their mean, or one of them.
   */
  readonly halves?: readonly [Uint8Array, Uint8Array];
  /** SHA-256 of the files in lower-case hexadecimal digits, where they are known already. */
  readonly digests?: ReadonlyMap<Uint8Array, string>;
  /** What errors call `exr`; `frame` by default. The others are `half_a`, `half_b` and the names of the neighbors. */
  readonly frameName?: string;
  /** Frames around it, in any order; those that are missing are left out, and so are those that the model does not use. */
  readonly neighbors?: readonly Neighbor[];
  /** An OpenEXR file with the slope of every pixel, in place of `lambda`; see `readLambdaMap`. */
  readonly lambdaMap?: Uint8Array;
  /** The frame rendered at the new size, with however few samples: its albedo and normals guide the magnification. */
  readonly guide?: Uint8Array;
}

/** How files are denoised. */
export interface DenoiseExrOptions extends ResolveOptions {
  /** `name` or `name@version`; the newest of the default model where it is not given. */
  readonly model?: string;
  /** One of the model's source encoders; `auto`, the default, chooses by what the frames have. */
  readonly encoder?: string;
  /** Whether noise is taken out of albedo and normals before they guide the model; `auto` by default. */
  readonly prefilter?: PrefilterChoice;
  /** Slope of the loss in [1, 10]; 1 by default. */
  readonly lambda?: number;
  /**
   * `split` denoises irradiance, albedo and specular with kernels of their own, where the file has them; `beauty`, the
   * default, denoises the colour as a whole.
   */
  readonly components?: 'beauty' | 'split';
  /**
   * `auto`, the default, keeps alpha at edges, filters it where it is fractional all around, and makes the light fit it;
   * `copy` leaves alpha alone; `denoise` filters it with the kernels of the colour.
   */
  readonly alpha?: AlphaMode;
  /**
   * `x` lets the left border continue at the right one, as in latitude-longitude panoramas; `auto`, the default, does so where
   * a frame looks like one; `none` never.
   */
  readonly wrap?: WrapMode;
  /** What the parameters of filters are scaled by, in [0, 4]; for models that predict parameters, `finish` and `guide`. */
  readonly strength?: number;
  /** Deblurs the denoised frame, and magnifies it by a factor: the file gets the new size. */
  readonly finish?: Pick<PostProcessOptions, 'upscale' | 'deblur'>;
  /** Predicted errors, and where to spend the next samples, as further channels of the result. */
  readonly maps?: MapsRequest;
  /** The result has the channels of the maps and nothing else. */
  readonly mapsOnly?: boolean;
  /**
   * Denoises these pixels alone, counted from the upper left of the data window: the result is a file of the denoised colour
   * (`R`, `G`, `B`, float) with them as its data window, and the very values that the whole frame would have there.
   */
  readonly region?: Tile;
  /** A picture of the size of the frame that shows how far the work is: color, and 1 where it is denoised. */
  readonly partial?: Raster;
  readonly signal?: AbortSignal;
  /** Monotone, in [0, 1]; 1 only when the file is done. */
  readonly onProgress?: (fraction: number) => void;
}

export interface DenoiseExrRequest extends DenoiseExrFiles, DenoiseExrOptions {}

export interface DenoiseExrServices {
  readonly pool: ExrPool;
  readonly denoiser: Pick<Denoiser, 'denoise' | 'windowSize'>;
  /** Frames that are kept from request to request. */
  readonly frames?: FrameCache;
}

export interface DenoisedExr {
  readonly exr: Uint8Array;
  /** Denoised and noisy colour, 3 channels, over the data window. */
  readonly color: Raster;
  readonly noisy: Raster;
  readonly report: FullReport;
}
