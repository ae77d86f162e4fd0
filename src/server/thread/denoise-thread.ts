import type { DenoiserOptions, ModelSummary } from '../../denoise/types.js';
import type { ExrLimits } from '../../exr/limits.js';
import { ThreadPool } from '../../threads/thread-pool.js';
import { builtUrl } from '../../threads/worker-url.js';
import type { ServedExr, ServedRequest } from '../service.js';

/** What the thread is started with. */
export interface DenoiseThreadOptions extends DenoiserOptions {
  readonly limits: Partial<ExrLimits>;
  /** Bytes of frames that are kept decoded; none by default. */
  readonly decodedCacheBytes?: number;
}

/** A request without what cannot move between threads. */
export type ThreadRequest = Omit<ServedRequest, 'signal' | 'onProgress'>;

/** What the thread has loaded. */
interface LoadedModels {
  readonly models: readonly ModelSummary[];
  /** As `Denoiser.deviceRefusals`. */
  readonly deviceRefusals: readonly string[];
  /** As `Denoiser.filterFolder`. */
  readonly filterFolder: string | undefined;
}

/** What the thread does. */
export interface DenoiseThreadJobs {
  readonly load: { readonly given: undefined; readonly answer: LoadedModels };
  readonly denoise: { readonly given: ThreadRequest; readonly answer: ServedExr };
}

const WORKER_URL = builtUrl('server/thread/denoise-thread-worker.js');

/**
 * The whole work on files in a dedicated thread, which has the workers of the codec and of the networks below it: to join their
 * work would hold up the event loop that answers health checks. Files move there in shared memory, results come back without a
 * copy. All requests are in the one thread at once; its denoiser orders them.
 */
export class DenoiseThread {
  readonly models: readonly ModelSummary[];
  readonly deviceRefusals: readonly string[];
  readonly filterFolder: string | undefined;

  private constructor(
    private readonly threads: ThreadPool<DenoiseThreadJobs>,
    { models, deviceRefusals, filterFolder }: LoadedModels,
  ) {
    this.models = models;
    this.deviceRefusals = deviceRefusals;
    this.filterFolder = filterFolder;
  }

  /**
   * Starts the thread and loads the models in it.
   * @throws QuietframeError as `Denoiser.load`.
   */
  static async start(workerData: DenoiseThreadOptions): Promise<DenoiseThread> {
    const threads = new ThreadPool<DenoiseThreadJobs>({
      ...{ script: WORKER_URL, workerData, threads: 1, jobsPerThread: Number.POSITIVE_INFINITY },
      ...{ work: 'the work on a frame', abort: 'notify' },
    });
    try {
      return new DenoiseThread(threads, await threads.run('load', undefined));
    } catch (error) {
      await threads.close();
      throw error;
    }
  }

  /** Threads that have ended by themselves. The pool replaces them and runs their requests again once. */
  get restarts(): number {
    return this.threads.crashes;
  }

  /**
   * As `ServerDeps.denoiseExr`.
   * @throws QuietframeError as that; `internal` when the thread ends twice under the request.
   */
  readonly denoiseExr = ({ signal, onProgress, ...request }: ServedRequest): Promise<ServedExr> =>
    this.threads.run('denoise', request, { signal, onProgress });

  /** Ends the thread; requests that run reject with `cancelled` at once, as do later ones. */
  close(): Promise<void> {
    return this.threads.close();
  }
}
