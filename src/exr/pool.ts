import { Worker } from 'node:worker_threads';
import { expected, QuietframeError } from '../errors.js';
import type { Image } from '../image/image.js';
import type { FileRole } from '../image/joined-parts.js';
import { builtUrl } from '../threads/worker-url.js';
import { readLayout } from './header.js';
import type { ExrLayout } from './layout.js';
import type { ExrLimits } from './limits.js';
import { type ReadOptions, selectNames } from './read-exr.js';
import type { Replacements, ReplaceOptions } from './replace-channels.js';
import { type ExrSource, openSource, type SourceOptions } from './source.js';
import type { ExrAnswer, ExrSummary, ExrTask, ExrValue } from './worker.js';
import type { WriteOptions } from './write-exr.js';

export interface ExrPoolOptions {
  /** Workers that may run at once; 2 by default. They start when they are first needed. */
  readonly workers?: number;
  /** Most milliseconds that one call may run in a worker; 120 000 by default. */
  readonly timeLimitMs?: number;
  /** Most MiB of heap of one worker, sample arrays not counted (the limits bound those); 512 by default. */
  readonly heapLimitMb?: number;
  readonly limits?: Partial<ExrLimits>;
}

export interface CallOptions {
  /** Aborting rejects with `cancelled` and ends the worker if the call has started. */
  readonly signal?: AbortSignal;
}

/** One call that waits or runs. */
interface Job {
  readonly task: ExrTask;
  readonly resolve: (value: ExrValue) => void;
  readonly reject: (error: QuietframeError) => void;
  /** Workers that have ended under it. */
  crashes: number;
}

/** Workers that a call survives by being run again. */
const MAX_CRASHES = 1;

/** A worker and the job that it runs. */
interface Slot {
  readonly worker: Worker;
  job: Job | undefined;
  timer: NodeJS.Timeout | undefined;
}

const WORKER_URL = builtUrl('exr/worker.js');

/**
 * Reads and writes OpenEXR in worker threads, so that no file holds up the event loop. A worker that ends by itself is
 * replaced, and its call is run again once; one that runs past a limit is replaced, and its call rejects. Idle workers do not keep the process alive.
 */
export class ExrPool {
  readonly #options: Required<ExrPoolOptions>;
  readonly #slots = new Set<Slot>();
  readonly #queue: Job[] = [];
  #closed = false;

  constructor(options: ExrPoolOptions = {}) {
    this.#options = { workers: 2, timeLimitMs: 120_000, heapLimitMb: 512, limits: {}, ...options };
  }

  /**
   * Attributes, windows and channels, read at once on the calling thread: the limits bound them. The positions of the
   * chunks are checked by the workers.
   * @throws QuietframeError as `readLayout`.
   */
  header(bytes: Uint8Array): ExrLayout {
    return readLayout(bytes, this.#options.limits);
  }

  /**
   * The file with its header, which {@link read} and {@link replace} do not read again.
   * @throws QuietframeError as `readLayout`.
   */
  open(bytes: Uint8Array, options: Omit<SourceOptions, 'limits'> = {}): ExrSource {
    return openSource(bytes, { ...options, limits: this.#options.limits });
  }

  /**
   * Checks the whole header, chunk tables among it, in a worker. A thread that answers others never reads a file itself.
   * @throws QuietframeError as `readHeader`; `cancelled`; `too-large` past the time or heap limit.
   */
  async inspect(bytes: Uint8Array, { signal }: CallOptions = {}): Promise<ExrSummary> {
    const task: ExrTask = { kind: 'inspect', bytes: shareBytes(bytes), limits: this.#options.limits };
    return (await this.#run(task, signal)) as ExrSummary;
  }

  /**
   * As `readExr`. The bytes are copied once, but for those of a SharedArrayBuffer. The header of bytes is read on the calling
   * thread.
   * @throws QuietframeError as `readExr`; `cancelled`; `too-large` past the time or heap limit.
   */
  async read(
    file: Uint8Array | ExrSource,
    options: Pick<ReadOptions, 'select'> & CallOptions = {},
  ): Promise<Image> {
    const limits = this.#options.limits;
    const { bytes, header } = this.#opened(file);
    const names = selectNames(header, { ...options, limits });
    const task: ExrTask = { kind: 'read', bytes: shareBytes(bytes), header, limits, names };
    return (await this.#run(task, options.signal)) as Image;
  }

  /**
   * As `replaceChannels`. All arrays are copied. The header of bytes is read on the calling thread.
   * @throws QuietframeError as `replaceChannels` and `readHeader`; `cancelled`; `too-large` past the time or heap limit.
   */
  async replace(
    original: Uint8Array | ExrSource,
    replacements: Replacements,
    { signal, ...options }: ReplaceOptions & CallOptions = {},
  ): Promise<Uint8Array> {
    const limits = this.#options.limits;
    const touched = new Set([...replacements.keys(), ...(options.add ?? []).map((channel) => channel.part)]);
    const { bytes, header } = this.#opened(original);
    selectNames(header, { limits, select: (part) => touched.has(part.index) });
    const task: ExrTask = {
      ...{ kind: 'replace', original: shareBytes(bytes), header },
      ...{ limits, replacements, options },
    };
    return (await this.#run(task, signal)) as Uint8Array;
  }

  /**
   * As `joinFiles`. The result is shared memory.
   * @throws QuietframeError as `joinFiles`; `cancelled`; `too-large` past the time or heap limit.
   */
  async join(
    original: Uint8Array,
    others: ReadonlyMap<FileRole, Uint8Array>,
    { signal }: CallOptions = {},
  ): Promise<Uint8Array> {
    const shared = new Map([...others].map(([role, bytes]) => [role, shareBytes(bytes)]));
    const { limits } = this.#options;
    const task: ExrTask = { kind: 'join', original: shareBytes(original), others: shared, limits };
    return shareBytes((await this.#run(task, signal)) as Uint8Array);
  }

  /**
   * As `writeExr`. All arrays are copied.
   * @throws QuietframeError as `writeExr`; `cancelled`; `too-large` past the time or heap limit.
   */
  async write(image: Image, { signal, ...options }: WriteOptions & CallOptions = {}): Promise<Uint8Array> {
    return (await this.#run({ kind: 'write', image, options }, signal)) as Uint8Array;
  }

  /** Ends all workers; calls that wait or run reject with `cancelled`, as do later ones. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const job of this.#queue.splice(0)) job.reject(cancelled());
    await Promise.all([...this.#slots].map((slot) => this.#retire(slot, cancelled())));
  }

  #opened(file: Uint8Array | ExrSource): Pick<ExrSource, 'bytes' | 'header'> {
    return 'header' in file ? file : { bytes: file, header: this.header(file) };
  }

  #run(task: ExrTask, signal: AbortSignal | undefined): Promise<ExrValue> {
    if (this.#closed || signal?.aborted) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      const job: Job = {
        task,
        crashes: 0,
        resolve: (value) => {
          signal?.removeEventListener('abort', abort);
          resolve(value);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', abort);
          reject(error);
        },
      };
      const abort = (): void => this.#abort(job);
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(job);
      this.#startNext();
    });
  }

  #abort(job: Job): void {
    const waiting = this.#queue.indexOf(job);
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1);
      job.reject(cancelled());
      return;
    }
    for (const slot of this.#slots) {
      if (slot.job === job) void this.#retire(slot, cancelled());
    }
  }

  #startNext(): void {
    if (this.#closed || this.#queue.length === 0) return;
    let slot = [...this.#slots].find((candidate) => candidate.job === undefined);
    if (slot === undefined) {
      if (this.#slots.size >= this.#options.workers) return;
      slot = this.#hire();
    }
    const job = this.#queue.shift() as Job;
    const hired = slot;
    hired.job = job;
    hired.timer = setTimeout(() => {
      const range = `at most ${this.#options.timeLimitMs} ms`;
      const error = new QuietframeError('too-large', expected(range, 'the work on an OpenEXR file', 'more'));
      void this.#retire(hired, error);
    }, this.#options.timeLimitMs);
    hired.worker.ref();
    try {
      hired.worker.postMessage(job.task);
    } catch (cause) {
      this.#settle(hired, () => job.reject(failed(cause)));
    }
  }

  #hire(): Slot {
    const worker = new Worker(WORKER_URL, {
      resourceLimits: { maxOldGenerationSizeMb: this.#options.heapLimitMb },
    });
    const slot: Slot = { worker, job: undefined, timer: undefined };
    this.#slots.add(slot);
    worker.on('message', (answer: ExrAnswer) => {
      this.#settle(slot, (job) => {
        if ('value' in answer) job.resolve(answer.value);
        else {
          const { code, message, details, cause } = answer.error;
          job.reject(new QuietframeError(code, message, details, { cause }));
        }
      });
    });
    worker.on('error', (error) => this.#replace(slot, error));
    worker.on('exit', () => this.#replace(slot, undefined));
    return slot;
  }

  /** Answers the job of a slot and hands the slot to the next one. */
  #settle(slot: Slot, answer: (job: Job) => void): void {
    const job = slot.job;
    clearTimeout(slot.timer);
    slot.job = undefined;
    slot.worker.unref();
    if (job !== undefined) answer(job);
    this.#startNext();
  }

  /** Runs the job of a worker that has ended again, unless it has ended workers before or takes too much memory. */
  #replace(slot: Slot, cause: unknown): void {
    if (!this.#slots.has(slot)) return;
    const { job } = slot;
    const error = failed(cause);
    if (job === undefined || this.#closed || error.code !== 'internal' || job.crashes >= MAX_CRASHES) {
      void this.#retire(slot, error);
      return;
    }
    job.crashes++;
    this.#queue.unshift(job);
    slot.job = undefined;
    void this.#retire(slot, error);
  }

  /** Ends the worker of a slot and rejects its job; the next job hires a new one. */
  async #retire(slot: Slot, error: QuietframeError): Promise<void> {
    if (!this.#slots.delete(slot)) return;
    this.#settle(slot, (job) => job.reject(error));
    await slot.worker.terminate();
  }
}

function shareBytes(bytes: Uint8Array): Uint8Array {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
  const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
  shared.set(bytes);
  return shared;
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The work on an OpenEXR file was cancelled');
}

function failed(cause: unknown): QuietframeError {
  if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
    const message = expected('a file that fits the heap limit', 'the OpenEXR codec', 'a larger one');
    return new QuietframeError('too-large', message, {}, { cause });
  }
  return new QuietframeError('internal', 'The OpenEXR codec stopped', {}, { cause });
}
