import type { ErrorCode } from '../errors.js';
import type { Problem } from './error-handler.js';
import type { ServedReport } from './service.js';

/** Files of one frame to denoise, by digest. */
export interface JobFrame {
  /** In time order. */
  readonly frames: readonly string[];
  readonly halves?: readonly [string, string];
  /** A map of the slope of the loss. */
  readonly lambda?: string;
  /** The frame at the size that it is magnified to. */
  readonly guide?: string;
  /** Index in `frames`; the middle one by default. */
  readonly center?: number;
}

/** What a job was asked for. It can be written down. */
export interface JobSpec {
  readonly id: string;
  /** Name of the caller whose it is. */
  readonly owner: string;
  /** Time of the day, for people. */
  readonly created: string;
  readonly urgency: number;
  /** W3C trace context of the request. */
  readonly traceparent?: string;
  /** As the query of `POST /v1/denoise`. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly frames: readonly JobFrame[];
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
}

export interface JobResult {
  /** SHA-256 of the denoised file. */
  readonly digest: string;
  readonly bytes: number;
  readonly report: ServedReport;
}

/** How the work on a frame ended. */
export type FrameEnd = { readonly result: JobResult } | { readonly error: Problem };

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Where a frame of a job stands. */
interface FrameStatus {
  progress: number;
  running: boolean;
  end: FrameEnd | undefined;
  /** Version of the job at the last change. */
  version: number;
}

/** Progress of a job that has not ended. */
const MOST = 0.999;

/** One job: what was asked for, and where each of its frames stands. */
export class Job {
  readonly #frames: readonly FrameStatus[];
  readonly #changes = new EventTarget();
  readonly #cancel = new AbortController();
  #version = 1;
  #progress = 0;

  /** @param ends of frames that had ended before the service was started again. */
  constructor(
    readonly spec: JobSpec,
    ends: ReadonlyMap<number, FrameEnd> = new Map(),
  ) {
    this.#frames = spec.frames.map((_, index) => {
      const end = ends.get(index);
      return { progress: end === undefined ? 0 : 1, running: false, end, version: 1 };
    });
  }

  /** Aborts when the job is cancelled. */
  get cancelled(): AbortSignal {
    return this.#cancel.signal;
  }

  get state(): JobState {
    const ends = this.#frames.map(({ end }) => end);
    if (ends.every((end) => end !== undefined)) {
      return ends.some((end) => 'error' in end) ? 'failed' : 'done';
    }
    if (this.#cancel.signal.aborted) return 'cancelled';
    return this.#frames.some(({ running, end }) => running || end !== undefined) ? 'running' : 'queued';
  }

  get ended(): boolean {
    return !['queued', 'running'].includes(this.state);
  }

  /** Never falls; 1 only when everything is done. */
  get progress(): number {
    const mean = this.#frames.reduce((sum, { progress }) => sum + progress, 0) / this.#frames.length;
    this.#progress = this.state === 'done' ? 1 : Math.max(this.#progress, Math.min(MOST, mean));
    return this.#progress;
  }

  /** Rises with every change. */
  get version(): number {
    return this.#version;
  }

  /** How the work on a frame ended, if it has. */
  end(index: number): FrameEnd | undefined {
    return this.#frames[index]?.end;
  }

  begin(index: number): void {
    this.#change(index, (frame) => {
      frame.running = true;
    });
  }

  advance(index: number, fraction: number): void {
    this.#change(index, (frame) => {
      frame.progress = Math.max(frame.progress, fraction);
    });
  }

  /** The work was given up, to be done again later. */
  suspend(index: number): void {
    this.#change(index, (frame) => {
      frame.running = false;
    });
  }

  finish(index: number, end: FrameEnd): void {
    this.#change(index, (frame) => {
      frame.running = false;
      frame.progress = 1;
      frame.end = end;
    });
  }

  cancel(): void {
    this.#cancel.abort();
    this.#version++;
    this.#changes.dispatchEvent(new Event('change'));
  }

  /** Calls back after every change, until the signal aborts, if there is one. */
  onChange(listener: () => void, signal?: AbortSignal): void {
    this.#changes.addEventListener('change', listener, signal && { signal });
  }

  /**
   * The whole status, as clients see it.
   * @param after frames that have not changed since this version are left out.
   */
  status(after = 0): Record<string, unknown> {
    const { id, created } = this.spec;
    const count = (kind: 'result' | 'error'): number =>
      this.#frames.filter(({ end }) => end !== undefined && kind in end).length;
    return {
      id,
      state: this.state,
      progress: this.progress,
      created,
      total: this.#frames.length,
      done: count('result'),
      failed: count('error'),
      frames: this.#frames.flatMap((frame, index) =>
        frame.version > after ? [{ index, ...this.#frameStatus(index, frame) }] : [],
      ),
    };
  }

  #frameStatus(index: number, { running, progress, end }: FrameStatus): Record<string, unknown> {
    if (end === undefined) {
      const state: JobState = running ? 'running' : this.#cancel.signal.aborted ? 'cancelled' : 'queued';
      return { state, progress: Math.min(MOST, progress) };
    }
    if ('error' in end) return { state: 'failed', error: end.error };
    const { digest, bytes, report } = end.result;
    const { model, version, device, warnings } = report;
    const codes = [...new Set(warnings.map(({ code }) => code))];
    const href = `/v1/jobs/${this.spec.id}/results/${index}`;
    return {
      state: 'done',
      result: href,
      digest,
      bytes,
      model: `${model}@${version}`,
      device,
      warnings: codes,
    };
  }

  #change(index: number, change: (frame: FrameStatus) => void): void {
    const frame = this.#frames[index] as FrameStatus;
    change(frame);
    frame.version = ++this.#version;
    this.#changes.dispatchEvent(new Event('change'));
  }
}

/** Code of a problem that was written down. */
export function codeOf({ type }: Pick<Problem, 'type'>): ErrorCode {
  return type.slice(type.lastIndexOf(':') + 1) as ErrorCode;
}
