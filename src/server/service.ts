import type { Denoiser } from '../denoise/denoiser.js';
import type { ExrPool } from '../exr/pool.js';
import type { DenoisedExr, DenoiseExrRequest } from '../files/denoise-file/types.js';
import type { FilteredFile } from '../files/filter/filter-file.js';
import type { FilterRequest } from '../files/filter/filter-picture.js';
import type { FullReport } from '../files/report.js';
import type { Raster } from '../image/raster.js';

/** Figures of the report that the service itself reads; whatever else it has goes to the client as it is. */
export type ServedReport = Pick<
  FullReport,
  'model' | 'version' | 'device' | 'warnings' | 'windowUsed' | 'stages' | 'predictedError'
> &
  Partial<Pick<FullReport, 'decoded' | 'features' | 'wrap'>>;

/** A request to the denoiser of the service. */
export interface ServedRequest extends DenoiseExrRequest {
  /** Whether alpha of the result is needed, for a picture. */
  readonly withAlpha?: boolean;
}

/** What of a denoised file the service sends. */
export type ServedExr = Pick<DenoisedExr, 'exr' | 'color'> & {
  readonly report: ServedReport;
  /** As `readAlpha` of the result, where it was asked for. */
  readonly alpha?: Raster;
};

/** What the service works with. */
export interface ServerDeps {
  /** As `denoiseExr` of the workflow, with alpha of the result on request. */
  readonly denoiseExr: (request: ServedRequest) => Promise<ServedExr>;
  /** Checks the headers of files in its workers. */
  readonly pool: Pick<ExrPool, 'inspect' | 'join' | 'write'>;
  /** As `PictureFilter.filter`; nothing where no bundle of filters is there. */
  readonly filter?: (request: FilterRequest) => Promise<FilteredFile>;
  readonly denoiser: Pick<Denoiser, 'models'> & { readonly restarts?: number };
}
