import { Worker } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, QuietframeError } from '../errors.js';

/** What a worker answers to each message, in any order of fields that structured cloning takes. */
export type WorkerAnswer<Result> =
  | { readonly value: Result }
  | {
      readonly error: {
        readonly code: ErrorCode;
        readonly message: string;
        readonly details: ErrorDetails;
        readonly cause?: unknown;
      };
    };

interface Task<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: QuietframeError) => void;
  crashes: number;
}

interface Slot<Job, Result> {
  readonly worker: Worker;
  task: Task<Job, Result> | undefined;
}

/** Crashes of workers that a job survives by being run again. */
const MAX_CRASHES = 1;

/**
 * A fixed number of worker threads that pull jobs from one queue, one at a time. A worker that ends by itself is
 * replaced; its job is run again once. Idle workers do not keep the process alive.
 */
export class WorkerPool<Job, Result> {
  readonly #slots = new Set<Slot<Job, Result>>();
  readonly #queue: Task<Job, Result>[] = [];
  #closed = false;

  constructor(
    private readonly script: URL,
    readonly size: number,
    private readonly workerData: unknown,
  ) {}

  /**
   * Runs a job when its turn comes.
   * @throws QuietframeError `cancelled` after `close`, `internal` when workers crash, and what the worker answers.
   */
  run(job: Job): Promise<Result> {
    if (this.#closed) return Promise.reject(cancelled());
    return new Promise((resolve, reject) => {
      this.#queue.push({ job, resolve, reject, crashes: 0 });
      this.#startNext();
    });
  }

  /**
   * Ends all workers, each after the job that it runs; jobs that wait or run reject with `cancelled` at once, as do later
   * ones. ONNX Runtime ends the whole process when a thread ends while it runs a network there.
   */
  async close(): Promise<void> {
    this.#closed = true;
    for (const task of this.#queue.splice(0)) task.reject(cancelled());
    const slots = [...this.#slots];
    this.#slots.clear();
    await Promise.all(
      slots.map(async ({ worker, task }) => {
        task?.reject(cancelled());
        if (task !== undefined) {
          await new Promise((resolve) => worker.once('message', resolve).once('exit', resolve));
        }
        await worker.terminate();
      }),
    );
  }

  #startNext(): void {
    while (!this.#closed && this.#queue.length > 0) {
      const slot = this.#idleSlot();
      if (slot === undefined) return;
      const task = this.#queue.shift() as Task<Job, Result>;
      slot.task = task;
      slot.worker.ref();
      slot.worker.postMessage(task.job);
    }
  }

  #idleSlot(): Slot<Job, Result> | undefined {
    for (const slot of this.#slots) if (slot.task === undefined) return slot;
    return this.#slots.size < this.size ? this.#hire() : undefined;
  }

  #hire(): Slot<Job, Result> {
    const worker = new Worker(this.script, { workerData: this.workerData });
    const slot: Slot<Job, Result> = { worker, task: undefined };
    this.#slots.add(slot);
    worker.on('message', (answer: WorkerAnswer<Result>) => {
      const { task } = slot;
      slot.task = undefined;
      worker.unref();
      if ('value' in answer) task?.resolve(answer.value);
      else {
        const { code, message, details, cause } = answer.error;
        task?.reject(new QuietframeError(code, message, details, { cause }));
      }
      this.#startNext();
    });
    let failure: unknown;
    worker.on('error', (error) => {
      failure = error;
    });
    worker.on('exit', () => this.#replace(slot, failure));
    return slot;
  }

  /** Puts the job of a worker that has ended back to the head of the queue, unless it has ended workers before. */
  #replace(slot: Slot<Job, Result>, failure: unknown): void {
    if (!this.#slots.delete(slot)) return;
    const { task } = slot;
    if (task !== undefined) {
      task.crashes++;
      if (task.crashes <= MAX_CRASHES) this.#queue.unshift(task);
      else {
        task.reject(
          new QuietframeError('internal', 'A worker of the denoiser stopped', {}, { cause: failure }),
        );
      }
    }
    this.#startNext();
  }
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'Denoising was cancelled');
}
