import { Worker } from 'node:worker_threads';
import type { DenoiserOptions, ModelSummary } from '../../denoise/types.js';
import { QuietframeError } from '../../errors.js';
import type { ExrLimits } from '../../exr/limits.js';
import type { WorkerAnswer } from '../../threads/worker-pool.js';
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

export type ToThread =
  /** The thread is to end, as soon as its workers may. */
  | { readonly close: true }
  | { readonly id: number; readonly request: ThreadRequest }
  | { readonly id: number; readonly cancel: true };

/** What the thread says once it has loaded the models. */
interface LoadedModels {
  readonly models: readonly ModelSummary[];
  readonly deviceRefusals: readonly string[];
  /** As `Denoiser.filterFolder`. */
  readonly filterFolder: string | undefined;
}

export type FromThread =
  | LoadedModels
  /** The models could not be loaded, and the thread ends. */
  | { readonly failure: Pick<QuietframeError, 'code' | 'message' | 'details'> }
  | { readonly id: number; readonly progress: number }
  | { readonly id: number; readonly answer: WorkerAnswer<ServedExr> };

interface Task {
  readonly request: ThreadRequest;
  readonly onProgress: ((fraction: number) => void) | undefined;
  readonly resolve: (result: ServedExr) => void;
  readonly reject: (error: QuietframeError) => void;
  /** Threads that have ended under it. */
  crashes: number;
  /** Highest so far: a task that begins again does not fall back. */
  progress: number;
}

const WORKER_URL = builtUrl('server/thread/denoise-thread-worker.js');

/** Threads that a request survives by being run again. */
const MAX_CRASHES = 1;

/**
 * The whole work on files in a thread of its own, which has the workers of the codec and of the networks below it: what
 * joins their work would hold up the event loop that answers health checks. Files move there in shared memory, results
 * come back without a copy. A thread that ends by itself is replaced, and its requests are run again once.
 */
export class DenoiseThread {
  readonly #options: DenoiseThreadOptions;
  readonly #tasks = new Map<number, Task>();
  #worker: Worker | undefined;
  #loaded: LoadedModels = { models: [], deviceRefusals: [], filterFolder: undefined };
  #nextId = 0;
  #restarts = -1;
  #closed = false;

  private constructor(options: DenoiseThreadOptions) {
    this.#options = options;
  }

  /**
   * Starts the thread and loads the models in it.
   * @throws QuietframeError as `Denoiser.load`.
   */
  static async start(options: DenoiseThreadOptions): Promise<DenoiseThread> {
    const thread = new DenoiseThread(options);
    const worker = thread.#hire();
    await new Promise<void>((resolve, reject) => {
      worker.once('error', (error) => reject(stopped(error)));
      worker.once('exit', () => reject(stopped(undefined)));
      worker.once('message', (message: FromThread) => {
        if (!('failure' in message)) return resolve();
        const { code, message: text, details } = message.failure;
        reject(new QuietframeError(code, text, details));
      });
    });
    return thread;
  }

  get models(): readonly ModelSummary[] {
    return this.#loaded.models;
  }

  /** As `Denoiser.deviceRefusals`. */
  get deviceRefusals(): readonly string[] {
    return this.#loaded.deviceRefusals;
  }

  /** As `Denoiser.filterFolder`. */
  get filterFolder(): string | undefined {
    return this.#loaded.filterFolder;
  }

  /** Threads that have been replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /**
   * As `ServerDeps.denoiseExr`.
   * @throws QuietframeError as that; `internal` when the thread ends twice under the request.
   */
  readonly denoiseExr = ({ signal, onProgress, ...request }: ServedRequest): Promise<ServedExr> =>
    new Promise((resolve, reject) => {
      if (this.#closed || signal?.aborted) return reject(cancelled());
      const id = this.#nextId++;
      const abort = (): void => this.#post({ id, cancel: true });
      const end = (settle: () => void): void => {
        signal?.removeEventListener('abort', abort);
        this.#tasks.delete(id);
        settle();
      };
      signal?.addEventListener('abort', abort, { once: true });
      this.#tasks.set(id, {
        request,
        onProgress,
        resolve: (result) => end(() => resolve(result)),
        reject: (error) => end(() => reject(error)),
        crashes: 0,
        progress: 0,
      });
      this.#post({ id, request });
    });

  /** Ends the thread; requests that run reject with `cancelled` at once, as do later ones. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of [...this.#tasks.values()]) task.reject(cancelled());
    const worker = this.#worker;
    if (worker === undefined) return;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage({ close: true } satisfies ToThread);
    await ended;
  }

  #post(message: ToThread): void {
    const worker = this.#worker ?? this.#hire();
    worker.postMessage(message);
  }

  #hire(): Worker {
    const worker = new Worker(WORKER_URL, { workerData: this.#options });
    this.#worker = worker;
    this.#restarts++;
    let failure: unknown;
    worker
      .on('message', (message: FromThread) => this.#hear(message))
      .on('error', (error) => {
        failure = error;
      })
      .on('exit', () => this.#replace(failure));
    return worker;
  }

  #hear(message: FromThread): void {
    if ('models' in message) {
      this.#loaded = message;
      return;
    }
    if ('failure' in message) return;
    const task = this.#tasks.get(message.id);
    if (task === undefined) return;
    if ('progress' in message) {
      if (message.progress <= task.progress) return;
      task.progress = message.progress;
      task.onProgress?.(message.progress);
    } else if ('value' in message.answer) {
      task.resolve(message.answer.value);
    } else {
      const { code, message: text, details, cause } = message.answer.error;
      task.reject(new QuietframeError(code, text, details, { cause }));
    }
  }

  #replace(failure: unknown): void {
    this.#worker = undefined;
    if (this.#closed) return;
    for (const [id, task] of [...this.#tasks]) {
      if (task.crashes++ < MAX_CRASHES) this.#post({ id, request: task.request });
      else task.reject(stopped(failure));
    }
  }
}

function stopped(cause: unknown): QuietframeError {
  return new QuietframeError('internal', 'The thread of the denoiser stopped', {}, { cause });
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The work on a frame was cancelled');
}
