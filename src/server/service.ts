import type { Denoiser } from '../denoise/denoiser.js';
import type { ExrPool } from '../exr/pool.js';
import type { DenoisedExr, DenoiseExrRequest, FullReport } from '../files/denoise-file/denoise-exr.js';

/** Figures of the report that the service itself reads; whatever else it has goes to the client as it is. */
export type ServedReport = Pick<
  FullReport,
  'model' | 'version' | 'device' | 'warnings' | 'windowUsed' | 'stages' | 'predictedError'
> &
  Partial<Pick<FullReport, 'decoded' | 'features'>>;

/** What of a denoised file the service sends. */
export type ServedExr = Pick<DenoisedExr, 'exr' | 'color'> & { readonly report: ServedReport };

/** What the service works with. */
export interface ServerDeps {
  /** As `denoiseExr` of the workflow. */
  readonly denoiseExr: (request: DenoiseExrRequest) => Promise<ServedExr>;
  /** Checks the headers of files, and reads alpha for pictures. */
  readonly pool: Pick<ExrPool, 'inspect' | 'header' | 'read' | 'write'>;
  readonly denoiser: Pick<Denoiser, 'models'> & { readonly restarts?: number };
}
