import type { ExrPool } from '../exr/exr-pool.js';
import type { InputWarning, SourceName } from '../frame/frame.js';
import type { Raster } from '../image/raster.js';

export type SourceChoice = SourceName | 'auto';

export interface ModelSummary {
  readonly name: string;
  readonly version: number;
}

export interface Denoiser {
  readonly models: readonly ModelSummary[];
  close(): Promise<void>;
}

export interface DenoiseExrRequest {
  readonly exr: Uint8Array;
  readonly halfB?: Uint8Array;
  readonly source?: SourceName;
  readonly model?: string;
  readonly lambda?: number;
  readonly alpha?: 'denoise' | 'copy';
  readonly signal?: AbortSignal;
}

export interface DenoiseExrResult {
  readonly exr: Uint8Array;
  readonly color: Raster;
  readonly report: {
    readonly model: string;
    readonly version: number;
    readonly device: string;
    readonly warnings: readonly InputWarning[];
    readonly stages: Readonly<Record<string, number>>;
  };
}

/** What the service works with. */
export interface ServerDeps {
  readonly denoiseExr: (
    request: DenoiseExrRequest,
    deps: { pool: ExrPool; denoiser: Denoiser },
  ) => Promise<DenoiseExrResult>;
  readonly pool: ExrPool;
  readonly denoiser: Denoiser;
}
