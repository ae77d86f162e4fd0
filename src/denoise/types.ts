import type { Device, DeviceChoice } from '../engine/device.js';
import type { EngineName } from '../engine/engine.js';
import type { ModelManifest } from '../engine/model-manifest.js';
import type { Simd } from '../engine/wasm-build.js';
import type { Frame } from '../frame/frame.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import type { ParameterMap } from '../pkn/parameter-map.js';
import type { ErrorMap } from '../sampling/error-map.js';
import type { DebugOutputs, DebugRequest } from './kpcn/debug-outputs.js';

/** Whether noise is taken out of albedo and normals: `auto` does so unless measured variances say that there is none. */
export const PREFILTER_CHOICES = ['auto', 'on', 'off'] as const;
export type PrefilterChoice = (typeof PREFILTER_CHOICES)[number];

/** What was done: filtered, found clean, not wanted; `none` where the model has no prefilter or the frame nothing to filter. */
export const PREFILTER_OUTCOMES = ['on', 'clean', 'off', 'none'] as const;
export type PrefilterOutcome = (typeof PREFILTER_OUTCOMES)[number];

/** What is done with a denoised frame. */
export interface PostProcessOptions {
  /** Magnification in [1, 4]. */
  readonly upscale?: number;
  /** Buffers at the new size that guide the magnification. */
  readonly guide?: Pick<Frame, 'width' | 'height' | 'albedo' | 'normal'>;
  /** Sigma of the blur to undo, in [0.3, 4] pixels; `auto` estimates it from the steepest edges. */
  readonly deblur?: number | 'auto';
  /** What parameters are scaled by, in [0, 4]; 1 by default. */
  readonly strength?: number;
}

/** What was done. */
export interface FinishReport {
  readonly upscale?: number;
  /** Buffers at the new size that guided the magnification. */
  readonly guides?: readonly string[];
  readonly deblurSigma?: number;
  readonly strength: number;
  /** Whether the frame was denoised, and its parameters predicted, for an earlier request. */
  readonly cached: boolean;
}

export interface DenoiserOptions {
  /** Holds `<name>/<version>/model.json` and the files that it names. */
  readonly modelsDirectory: string;
  /** Worker threads; by default as many as there are processors. */
  readonly threads?: number;
  /**
   * Most bytes for the tiles that are being computed, all workers together; 512 MiB by default. Tiles of at least
   * 128 x 128 pixels are used whatever the budget. The planes of the picture come on top, see docs/memory.md.
   */
  readonly memoryBudgetBytes?: number;
  /** Most bytes of features of frames that are kept for later requests; 1 GiB by default, 0 keeps none. */
  readonly featureCacheBytes?: number;
  /** What filters frames and joins windows; the CPU by default, which everything else runs on. See docs/gpu.md. */
  readonly device?: DeviceChoice;
  /** What runs the networks; ONNX Runtime by default. See docs/engines.md. */
  readonly engine?: EngineName;
}

/** What a model is, for lists of models. */
export type ModelSummary = Pick<
  ModelManifest,
  'name' | 'version' | 'description' | 'license' | 'sources' | 'training'
> & {
  readonly architecture: object;
  /** What filters frames. */
  readonly device: Device;
};

/** A frame of the same shot beside the one that is denoised. */
export interface WindowFrame {
  /** Frames from the centre, in [-3, 3] and not 0; -1 is the frame before it. */
  readonly offset: number;
  readonly frame: Frame;
  /** As {@link DenoiseRequest.also}, of this frame. */
  readonly also?: readonly Raster[];
  /**
   * Where the content of each pixel of the centre is in this frame: offsets in pixels, x right and y down, 2 channels. NaN
   * where it is not known: the frame is left out there.
   */
  readonly motion: Raster;
  /** Tells the content of the frame, for the cache of features; nothing is cached without it. */
  readonly key?: string;
  /** As {@link DenoiseRequest.auxiliaryKey}, where components share them; without it clean buffers are not kept. */
  readonly auxiliaryKey?: string;
}

export interface DenoiseRequest {
  /**
   * `name` for its newest version or `name@version`; `kpcn` by default. Where errors are asked for, the newest version that
   * predicts them.
   */
  readonly model?: string;
  /**
   * Slope of the asymmetric loss in [1, 10], for all pixels or, as 1 channel of the size of the frame, for each; 1, the
   * default, is symmetric.
   */
  readonly lambda?: number | Raster;
  /** Frames around it, at most one for each offset. */
  readonly neighbors?: readonly WindowFrame[];
  /** Tells the content of the frame, for the cache of features; nothing is cached without it. */
  readonly key?: string;
  /** One of the model's source encoders, for all frames; `auto`, the default, chooses by what the frames have. */
  readonly encoder?: string;
  /** The colour is irradiance, without the surface's colour. */
  readonly irradiance?: boolean;
  /** Aborting ends the request within the time of one tile. */
  readonly signal?: AbortSignal;
  /** Called with ascending fractions of the work in (0, 1]; 1 once, at the end. */
  readonly onProgress?: (fraction: number) => void;
  /**
   * Denoises these pixels alone, and leaves all others with any values; they are what they are in the whole frame. Models
   * that predict parameters take no notice of it. Errors need the whole frame.
   */
  readonly region?: Tile;
  /**
   * A picture of the size of the frame that shows how far the work is, for models that predict kernels; see `partialPicture`.
   */
  readonly partial?: Raster;
  /** Further layers of the size of the frame that are filtered with the kernels of the colour. */
  readonly also?: readonly Raster[];
  /** Also predict what error is left in every pixel. */
  readonly errors?: boolean;
  /**
   * Whether noise is taken out of albedo and normals before they guide the network. `auto`, the default, does so where the
   * model can, unless measured variances say that there is none.
   */
  readonly prefilter?: PrefilterChoice;
  /** Also give albedo and normals as they guided the network. */
  readonly auxiliaries?: boolean;
  /** Also give what the network makes on the way. Devices do not store it: the frame is denoised on the CPU. */
  readonly debug?: DebugRequest;
  /** Tells the content of albedo and normals, which components of a frame share; `key` by default. */
  readonly auxiliaryKey?: string;
  /** For models that predict parameters of filters: what they are scaled by, in [0, 4]; 1 by default. */
  readonly strength?: number;
  /** For such models: also give the parameters. */
  readonly parameters?: boolean;
  /** Deblurring and magnification of the denoised frame. Their strength is also that of a model with parameters. */
  readonly finish?: Omit<PostProcessOptions, 'strength'>;
}

/** Means of the predicted errors of all pixels. */
export interface PredictedError {
  readonly smape: number;
  readonly dssim: number;
  /** Errors fall with the samples n as n^-decay. */
  readonly decay: number;
  /**
   * The slope of the loss at which they are predicted, whatever that of the request: the predictor has learned from results
   * at 1, and takes the noise that a higher one keeps for detail.
   */
  readonly lambda: 1;
}

export interface DenoiseReport {
  readonly model: string;
  readonly version: number;
  /** The source encoder that was used. */
  readonly encoder: string;
  /** What the kernels were predicted and applied on. */
  readonly device: Device;
  /** What ran the networks of the kernels: the device, or `tfjs-wasm` or `tfjs-tensorflow`. */
  readonly executionProvider: string;
  /** The build of the kernels. */
  readonly simd: Simd;
  /** What the colour was multiplied by for the network. */
  readonly exposure: number;
  /** The mean, where it is a map. */
  readonly lambda: number;
  /** Frames that the result was made from, the frame itself included. */
  readonly windowUsed: number;
  /** Pixels that a single lucky sample made bright, which were dimmed before filtering. */
  readonly fireflies?: number;
  /** What was done about the noise of albedo and normals. */
  readonly prefilter?: PrefilterOutcome;
  /** Where errors were asked for. */
  readonly predictedError?: PredictedError;
  /** Where the frame was deblurred or magnified. */
  readonly finish?: FinishReport;
  /** Tiles of all levels. */
  readonly tiles: number;
  /** Seconds of all workers together, by stage. */
  readonly stages: Readonly<Record<string, number>>;
  /** Elapsed seconds, without the wait for earlier requests. */
  readonly seconds: number;
  /** Frames whose features were kept, and were not; bytes that are kept now. */
  readonly features?: CacheReport;
}

/** Lookups of a request in a cache, and its size afterwards. */
export interface CacheReport {
  readonly hits: number;
  readonly misses: number;
  readonly bytes: number;
}

export interface DenoiseResult {
  /** 3 channels, scene-linear as the input. */
  readonly color: Raster;
  /** The layers of `also`, in their order. */
  readonly also: readonly Raster[];
  /** Predicted SMAPE and DSSIM of every pixel, where they were asked for. */
  readonly errors?: ErrorMap;
  /** With the errors: variance of the noisy mean relative to the squared brightness, one channel, in [0, 1]. */
  readonly relativeVariance?: Raster;
  /** Albedo and normals as they guided the network, where they were asked for. */
  readonly auxiliaries?: Pick<Frame, 'albedo' | 'normal'>;
  /** What the network made on the way, where it was asked for. */
  readonly debug?: DebugOutputs;
  /**
   * Indices of the pixels that a single lucky sample made bright, ascending, of models of kernels: none where variances were
   * not measured.
   */
  readonly fireflies?: readonly number[];
  /** The parameters that the colour was filtered with, of models that predict them. */
  readonly parameters?: readonly ParameterMap[];
  readonly report: DenoiseReport;
}
