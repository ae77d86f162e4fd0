import { findFilterFolders } from '../../engine/model-repository.js';
import { expected, QuietframeError } from '../../errors.js';
import type { ExrLimits } from '../../exr/limits.js';
import { ThreadPool } from '../../threads/thread-pool.js';
import { builtUrl } from '../../threads/worker-url.js';
import type { FilteredFile, FilterTask } from './filter-file.js';
import { checkFilterOptions, type FilterOptions } from './filter-options.js';
import type { FilterJobs, FilterWorkerData } from './filter-worker.js';

const WORKER_URL = builtUrl('files/filter/filter-worker.js');

export interface FilterRequest extends FilterOptions, Pick<FilterTask, 'picture' | 'parameters'> {
  readonly signal?: AbortSignal;
}

/**
 * Filters pictures in a dedicated thread, which reads and writes their files as well: the thread that answers requests looks
 * into no header and copies no plane.
 */
export class PictureFilter {
  readonly #pool: ThreadPool<FilterJobs>;

  /** @param folder of a bundle of filters. The thread starts with the first picture. */
  constructor(folder: string, limits: Partial<ExrLimits>) {
    const workerData: FilterWorkerData = { folder, limits };
    this.#pool = new ThreadPool({
      ...{ script: WORKER_URL, threads: 1, workerData },
      ...{ work: 'the filtering', abort: 'notify' },
    });
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
    return this.#pool.run('filter', { picture, options, ...(parameters && { parameters }) }, { signal });
  };

  /** Ends the thread; requests that run reject with `cancelled`. */
  close(): Promise<void> {
    return this.#pool.close();
  }
}
