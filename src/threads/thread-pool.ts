import { Worker } from 'node:worker_threads';
import { expected, QuietframeError } from '../errors.js';
import type { FromThread, JobTypes, ToThread } from './job-messages.js';
import { unpackError } from './transfer-error.js';

export interface ThreadPoolOptions {
  /** A worker that calls `serveJobs`. */
  readonly script: URL;
  readonly workerData?: unknown;
  /** Threads that may run at once. They start when they are first needed. */
  readonly threads: number;
  /** Jobs that one thread runs at once; 1 by default. More suit workers that wait, with policy `notify` alone. */
  readonly jobsPerThread?: number;
  /** Threads that wait for the next job; all by default. */
  readonly idleThreads?: number;
  /** What the jobs are, for messages: "the work on a frame". */
  readonly work: string;
  /**
   * How running jobs end when their signal aborts or the pool closes. `terminate` ends their thread and rejects at once.
   * `notify` aborts the signal of the job's context and settles when the job has: ONNX Runtime ends the whole process when a
   * thread ends while it runs a network there.
   */
  readonly abort: 'terminate' | 'notify';
  /** Most milliseconds that a job may run; its thread ends. */
  readonly timeLimitMs?: number;
  /** Most MiB of heap of one thread, typed arrays not counted. */
  readonly heapLimitMb?: number;
}

export interface RunOptions {
  /** Drops the job while it waits, and ends it by the pool's policy when it runs. */
  readonly signal?: AbortSignal | undefined;
  /** Memory that moves to the thread and is gone afterwards. Such a job cannot be run again after a crash. */
  readonly transfer?: readonly ArrayBuffer[];
  /** Is given fractions that rise, even when a job is run again. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
}

interface Task extends Pick<RunOptions, 'onProgress'> {
  readonly id: number;
  readonly name: PropertyKey;
  readonly given: unknown;
  readonly transfer: readonly ArrayBuffer[];
  readonly cancelled: Int32Array | undefined;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QuietframeError) => void;
  /** Threads that have ended under it. */
  crashes: number;
  progress: number;
}

interface Slot {
  readonly worker: Worker;
  readonly tasks: Map<number, Task>;
  timer: NodeJS.Timeout | undefined;
}

/** Crashes of threads that a job survives by being run again. */
const MAX_CRASHES = 1;

/**
 * Worker threads that pull jobs from one queue. A thread that ends by itself is replaced, and its jobs are run again once. Idle
 * threads do not keep the process alive.
 * @typeParam Jobs by name of a job, what it is given and what it answers.
 */
export class ThreadPool<Jobs extends JobTypes<Jobs>> {
  readonly #slots = new Set<Slot>();
  readonly #queue: Task[] = [];
  #nextId = 0;
  #crashes = 0;
  #closed = false;

  constructor(private readonly options: ThreadPoolOptions) {}

  /** Most threads. */
  get size(): number {
    return this.options.threads;
  }

  /** Threads that have ended by themselves. */
  get crashes(): number {
    return this.#crashes;
  }

  /**
   * Runs a job when its turn comes.
   * @throws QuietframeError `cancelled` when the signal aborts, and after `close`; `too-large` past the limits of time and heap;
   * `internal` when threads crash or the job throws what it should not; what the job throws.
   */
  run<Name extends keyof Jobs>(
    name: Name,
    given: Jobs[Name]['given'],
    { signal, transfer = [], onProgress }: RunOptions = {},
  ): Promise<Jobs[Name]['answer']> {
    if (this.#closed || signal?.aborted) return Promise.reject(this.#cancelled());
    return new Promise((resolve, reject) => {
      const isTold = signal !== undefined && this.options.abort === 'notify';
      const release = (): void => signal?.removeEventListener('abort', abort);
      const task: Task = {
        ...{ id: this.#nextId++, name, given, transfer, onProgress, crashes: 0, progress: 0 },
        cancelled: isTold ? new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) : undefined,
        resolve: (value) => {
          release();
          resolve(value);
        },
        reject: (error) => {
          release();
          reject(error);
        },
      };
      const abort = (): void => this.#abort(task);
      signal?.addEventListener('abort', abort, { once: true });
      this.#queue.push(task);
      this.#startNext();
    });
  }

  /** Ends all threads by the policy of the pool; jobs that wait or run reject with `cancelled` at once, as do later ones. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(this.#cancelled());
    await Promise.all([...this.#slots].map((slot) => this.#close(slot)));
  }

  async #close(slot: Slot): Promise<void> {
    if (this.options.abort === 'terminate') return this.#retire(slot, this.#cancelled());
    const { worker, tasks } = slot;
    this.#slots.delete(slot);
    clearTimeout(slot.timer);
    for (const task of tasks.values()) {
      if (task.cancelled) Atomics.store(task.cancelled, 0, 1);
      task.reject(this.#cancelled());
    }
    tasks.clear();
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.ref();
    worker.postMessage({ close: true } satisfies ToThread);
    await ended;
  }

  #abort(task: Task): void {
    const waiting = this.#queue.indexOf(task);
    if (waiting >= 0) {
      this.#queue.splice(waiting, 1);
      task.reject(this.#cancelled());
      return;
    }
    const slot = [...this.#slots].find(({ tasks }) => tasks.has(task.id));
    if (slot === undefined) return;
    if (this.options.abort === 'terminate') void this.#retire(slot, this.#cancelled());
    else {
      if (task.cancelled) Atomics.store(task.cancelled, 0, 1);
      slot.worker.postMessage({ id: task.id, abort: true } satisfies ToThread);
    }
  }

  #startNext(): void {
    while (!this.#closed && this.#queue.length > 0) {
      const slot = this.#freeSlot();
      if (slot === undefined) return;
      this.#start(slot, this.#queue.shift() as Task);
    }
  }

  #freeSlot(): Slot | undefined {
    const { jobsPerThread = 1, threads } = this.options;
    for (const slot of this.#slots) if (slot.tasks.size < jobsPerThread) return slot;
    return this.#slots.size < threads ? this.#hire() : undefined;
  }

  #start(slot: Slot, task: Task): void {
    const { id, name, given, cancelled, transfer } = task;
    const { timeLimitMs, work } = this.options;
    slot.tasks.set(id, task);
    slot.worker.ref();
    if (timeLimitMs !== undefined) {
      const message = expected(`at most ${timeLimitMs} ms`, work, 'more');
      const stop = () => void this.#retire(slot, new QuietframeError('too-large', message));
      slot.timer = setTimeout(stop, timeLimitMs);
    }
    try {
      slot.worker.postMessage({ id, name, given, cancelled } satisfies ToThread, transfer);
    } catch (cause) {
      this.#settle(slot, task, () => task.reject(this.#failed(cause)));
    }
  }

  #hire(): Slot {
    const { script, workerData, heapLimitMb } = this.options;
    const worker = new Worker(script, {
      workerData,
      ...(heapLimitMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: heapLimitMb } }),
    });
    const slot: Slot = { worker, tasks: new Map(), timer: undefined };
    this.#slots.add(slot);
    let failure: unknown;
    worker
      .on('message', (message: FromThread) => this.#hear(slot, message))
      .on('error', (error) => {
        failure = error;
      })
      .on('exit', () => this.#replace(slot, failure));
    return slot;
  }

  #hear(slot: Slot, message: FromThread): void {
    const task = slot.tasks.get(message.id);
    if (task === undefined) return;
    if ('progress' in message) {
      if (message.progress <= task.progress) return;
      task.progress = message.progress;
      task.onProgress?.(message.progress);
    } else if ('value' in message) {
      this.#settle(slot, task, () => task.resolve(message.value));
    } else {
      const error = unpackError(message.error, this.#sentence('failed'));
      this.#settle(slot, task, () => task.reject(error));
    }
  }

  /** Answers a job and hands its slot to the next one. */
  #settle(slot: Slot, task: Task, answer: () => void): void {
    clearTimeout(slot.timer);
    slot.tasks.delete(task.id);
    answer();
    this.#startNext();
    if (slot.tasks.size > 0 || !this.#slots.has(slot)) return;
    slot.worker.unref();
    const { idleThreads = this.options.threads } = this.options;
    const idle = [...this.#slots].filter(({ tasks }) => tasks.size === 0).length;
    if (idle > idleThreads) void this.#retire(slot, this.#cancelled());
  }

  /** Runs the jobs of a thread that has ended again, unless they have ended threads before or take too much memory. */
  #replace(slot: Slot, failure: unknown): void {
    if (!this.#slots.delete(slot)) return;
    clearTimeout(slot.timer);
    this.#crashes++;
    const error = this.#failed(failure);
    const again = [...slot.tasks.values()].filter((task) => {
      if (error.code === 'internal' && task.crashes++ < MAX_CRASHES && task.transfer.length === 0)
        return true;
      task.reject(error);
      return false;
    });
    this.#queue.unshift(...again);
    this.#startNext();
  }

  /** Ends the thread of a slot and rejects its jobs; the next job hires a new one. */
  async #retire(slot: Slot, error: QuietframeError): Promise<void> {
    if (!this.#slots.delete(slot)) return;
    clearTimeout(slot.timer);
    for (const task of slot.tasks.values()) task.reject(error);
    this.#startNext();
    await slot.worker.terminate();
  }

  #failed(cause: unknown): QuietframeError {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ERR_WORKER_OUT_OF_MEMORY') {
      const message = expected('a file that fits the heap limit', this.options.work, 'a larger one');
      return new QuietframeError('too-large', message, {}, { cause });
    }
    return new QuietframeError('internal', this.#sentence('failed'), {}, { cause });
  }

  #cancelled(): QuietframeError {
    return new QuietframeError('cancelled', this.#sentence('was cancelled'));
  }

  #sentence(end: string): string {
    const { work } = this.options;
    return `${work.charAt(0).toUpperCase()}${work.slice(1)} ${end}`;
  }
}
