import { findFilterFolders } from '../../engine/model-repository.js';
import { expected, QuietframeError } from '../../errors.js';
import type { ExrLimits } from '../../exr/limits.js';
import { WorkerPool } from '../../threads/worker-pool.js';
import { builtUrl } from '../../threads/worker-url.js';
import type { FilteredFile, FilterTask } from './filter-file.js';
import { checkFilterOptions, type FilterOptions } from './filter-options.js';
import type { FilterJob, FilterWorkerData } from './filter-worker.js';

const WORKER_URL = builtUrl('files/filter/filter-worker.js');

export interface FilterRequest extends FilterOptions, Pick<FilterTask, 'picture' | 'parameters'> {
  readonly signal?: AbortSignal;
}

/**
 * Filters pictures in a dedicated thread, which reads and writes their files as well: the thread that answers requests looks
 * into no header and copies no plane.
 */
export class PictureFilter {
  readonly #pool: WorkerPool<FilterJob, FilteredFile>;

  /** @param folder of a bundle of filters. The thread starts with the first picture. */
  constructor(folder: string, limits: Partial<ExrLimits>) {
    this.#pool = new WorkerPool(WORKER_URL, 1, { folder, limits } satisfies FilterWorkerData);
  }

  /** @throws QuietframeError `model-damaged`, `file-system`; `unknown-model` without a bundle of filters. */
  static async open(modelsDirectory: string, limits: Partial<ExrLimits> = {}): Promise<PictureFilter> {
    const folder = (await findFilterFolders(modelsDirectory)).at(-1);
    if (folder !== undefined) return new PictureFilter(folder, limits);
    const message = expected('a bundle of filters', 'the folder of models', 'none');
    throw new QuietframeError('unknown-model', message);
  }

  /**
   * Filters the color of a picture.
   * @throws QuietframeError as `checkFilterOptions` and `filterFile`; `cancelled`.
   */
  readonly filter = async (request: FilterRequest): Promise<FilteredFile> => {
    const { picture, parameters, signal, ...options } = request;
    checkFilterOptions(options, parameters !== undefined);
    const isCancelled = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
    const cancel = (): void => {
      Atomics.store(isCancelled, 0, 1);
    };
    if (signal?.aborted) cancel();
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      return await this.#pool.run({ picture, options, isCancelled, ...(parameters && { parameters }) });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  };

  /** Ends the thread; requests that run reject with `cancelled`. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
