import type { Device } from '../../engine/device.js';
import type { EngineName } from '../../engine/engine.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import type { Simd } from '../../engine/wasm-build.js';
import type { Raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import type { PrefilterTask } from '../../kpcn/auxiliary-prefilter.js';
import type { ExplainedLevel, PixelTask } from '../../kpcn/explain/explain-level.js';
import type { EncoderSettings, LevelFeatures, SingleFrameResult } from '../../kpcn/frame-features.js';
import type { FrameLevel, Level, Picture, Pyramid } from '../../kpcn/frame-pyramid.js';
import type { KeptFeatures } from '../../kpcn/gpu/gpu-network.js';
import type { ParityProbe } from '../../kpcn/gpu/parity-probe.js';
import type { FilteredFrame, LevelTask, WindowTask } from '../../kpcn/tile-tasks.js';
import type { PknBundle } from '../../pkn/bundle.js';
import type { RbfGuide } from '../../pkn/gaussian-rbf.js';
import type { Filter, ParameterMap } from '../../pkn/parameter-map.js';
import type { ErrorMap } from '../../sampling/error-map.js';
import type { ThreadPool } from '../../threads/thread-pool.js';
import type { PreviewPicture } from '../pkn/preview-picture.js';

/** What a worker is started with: bundles by `name@version`. */
export interface WorkerModels {
  readonly networks: ReadonlyMap<string, ModelBundle>;
  readonly previews: ReadonlyMap<string, PknBundle>;
  /** What runs networks on the CPU. */
  readonly engine: EngineName;
  /** That frames are filtered on; the CPU without it. */
  readonly device?: Exclude<Device, 'cpu'>;
}

/** Parts of the work in the order in which they first run; the same names in reports, metrics and benchmarks. */
export const STAGES = [
  'prepare',
  'prefilter',
  'features',
  'network',
  'kernels',
  'compositing',
  'errors',
  'assemble',
  'parameters',
  'deblur',
  'magnify',
] as const;
export type StageName = (typeof STAGES)[number];

/** One piece of work on a request. */
export type DenoiseJob =
  /** The albedo and the normals of a tile of a frame, without noise. */
  | {
      readonly kind: 'prefilter';
      readonly model: string;
      readonly task: PrefilterTask;
      readonly tile: Tile;
    }
  /** Measures the exposure of a picture. */
  | { readonly kind: 'expose'; readonly picture: Picture<FrameLevel> }
  /** Rows of the finest level into all coarser ones. */
  | {
      readonly kind: 'coarsen';
      readonly pyramids: readonly Pyramid[];
      readonly begin: number;
      readonly end: number;
    }
  /** The features of a tile of a level, to be kept. */
  | {
      readonly kind: 'extract';
      readonly model: string;
      readonly level: FrameLevel;
      readonly reading: EncoderSettings;
      readonly tile: Tile;
      readonly features: LevelFeatures & Partial<Pick<SingleFrameResult, 'coarseEmbedding'>>;
    }
  /** The kernels of a tile of a level, of a frame whose features are not kept. */
  | {
      readonly kind: 'denoise';
      readonly model: string;
      readonly task: LevelTask<Level>;
      readonly reading: EncoderSettings;
      readonly tile: Tile;
    }
  /** The same of a frame of a window, on a device, and what its window needs of it. */
  | {
      readonly kind: 'estimate';
      readonly model: string;
      readonly task: LevelTask<FilteredFrame & FrameLevel>;
      readonly reading: EncoderSettings;
      readonly tile: Tile;
      readonly kept: KeptFeatures;
    }
  /** The kernels of a tile of a level, by the features of its frame. */
  | {
      readonly kind: 'filter';
      readonly model: string;
      readonly task: LevelTask;
      readonly features: LevelFeatures;
      readonly tile: Tile;
    }
  /** A tile of a level of a window: its frames, after their own kernels, joined. */
  | {
      readonly kind: 'join';
      readonly model: string;
      readonly task: WindowTask;
      readonly tile: Tile;
    }
  /** A tile of a joined level, not brighter than its frames say. */
  | { readonly kind: 'bound'; readonly task: WindowTask; readonly tile: Tile }
  /** The compositing of a tile of a level with the next coarser level. */
  | {
      readonly kind: 'composite';
      readonly model: string;
      readonly fine: Level;
      readonly coarse: Level;
      readonly tile: Tile;
      readonly exposure: number;
      /** What the blend weight is written to. */
      readonly weights?: Raster;
    }
  /** The kernels of one pixel of a level. */
  | { readonly kind: 'explain'; readonly model: string; readonly index: number; readonly task: PixelTask }
  /** The errors of a tile of the finest level, after it was composited. */
  | {
      readonly kind: 'predict-errors';
      readonly model: string;
      readonly picture: Picture;
      readonly tile: Tile;
      readonly exposure: number;
      readonly errors: ErrorMap;
      readonly relativeVariance: Raster;
    }
  /** Measures the exposure of a preview's colour. */
  | { readonly kind: 'expose-preview'; readonly light: Raster }
  /** The parameters of a tile of the preview. */
  | {
      readonly kind: 'predict-parameters';
      readonly model: string;
      readonly picture: PreviewPicture;
      readonly tile: Tile;
      readonly exposure: number;
    }
  /** A tile of the preview, after all parameters. */
  | {
      readonly kind: 'filter-preview';
      readonly picture: PreviewPicture;
      readonly tile: Tile;
      readonly exposure: number;
    }
  /** The parameters of a filter for rows of a picture of one channel. */
  | {
      readonly kind: 'predict-filter';
      readonly model: string;
      readonly filter: Filter;
      readonly picture: Raster;
      readonly noiseSigma: number;
      readonly blurSigma?: number;
      readonly index: number;
    }
  /** One channel of light, deblurred as a logarithm of exposed light. */
  | {
      readonly kind: 'deblur';
      readonly channel: Raster;
      readonly index: number;
      readonly map: ParameterMap;
      readonly sigma: number;
      readonly exposure: number;
    }
  /** One channel, magnified; without the surface's colour, where it is known at both sizes. */
  | {
      readonly kind: 'magnify';
      readonly channel: Raster;
      readonly index: number;
      readonly map: ParameterMap;
      readonly factor: number;
      readonly guide?: RbfGuide;
      readonly surface?: RbfGuide;
    };

export interface DenoiseJobResult {
  readonly simd: Simd;
  /** What networks ran on. */
  readonly provider: string;
  /** Of `expose` and `expose-preview`. */
  readonly exposure: number;
  /** Of `predict-filter`, `deblur` and `magnify`: the index of the job, and what it made. */
  readonly finished?: { readonly index: number; readonly channel: Raster };
  /** Of `explain`, with the index of the job. */
  readonly explained?: { readonly index: number; readonly level: ExplainedLevel };
  /** Seconds that the worker spent in each stage. */
  readonly seconds: Readonly<Partial<Record<StageName, number>>>;
}

/** What a worker is asked to do. */
export interface DenoiseJobs {
  readonly work: { readonly given: DenoiseJob; readonly answer: DenoiseJobResult };
  /** Loads the modules of a model. */
  readonly load: { readonly given: { readonly model: string }; readonly answer: unknown };
  /** Compares the device of the worker with the CPU. */
  readonly 'probe-device': {
    readonly given: { readonly model: string; readonly timed: boolean };
    readonly answer: ParityProbe;
  };
}

export type DenoisePool = ThreadPool<DenoiseJobs>;
