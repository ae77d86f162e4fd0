import type { ErrorCode } from '../../errors.js';
import type { Report } from '../../files/report.js';
import type { FileRole } from '../../image/joined-parts.js';
import type { Raster } from '../../image/raster.js';
import type { Problem } from '../http/problem.js';
import type { ServedReport } from '../service.js';

/** Files of one frame to denoise, by digest. */
export interface JobFrame {
  /** In time order. */
  readonly frames: readonly string[];
  readonly halves?: readonly [string, string];
  /** A map of the slope of the loss. */
  readonly lambda?: string;
  /** The frame at the size that it is magnified to. */
  readonly guide?: string;
  /** Layers in files of their own by role: one for each of `frames`. */
  readonly aovs?: Readonly<Partial<Record<FileRole, readonly string[]>>>;
  /** Index in `frames`; the middle one by default. */
  readonly center?: number;
  /** The frames of the job are a shot: what is wrong with another frame of the window does not hold this one up. */
  readonly ofShot?: true;
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
  /** URL that is told when the job has ended. */
  readonly webhook?: string;
  /** Frames can be seen while they are worked on. */
  readonly progressive?: true;
  readonly idempotency?: { readonly key: string; readonly fingerprint: string };
}

export interface JobResult {
  /** SHA-256 of the denoised file. */
  readonly digest: string;
  readonly bytes: number;
  /** Jobs of earlier versions did not note the window. */
  readonly report: ServedReport & Partial<Pick<Report, 'frames' | 'center'>>;
}

/** How the work on a frame ended. */
export type FrameEnd = { readonly result: JobResult } | { readonly error: Problem };

export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

/** Where a frame of a job stands. */
interface FrameStatus {
  progress: number;
  running: boolean;
  end: FrameEnd | undefined;
  /** What is there of the frame while it is worked on. */
  partial: Raster | undefined;
  /** Version of the job at the last change. */
  version: number;
}

/** Progress of a job that has not ended. */
const MOST = 0.999;
/** Version of all frames before any has changed. */
const FIRST_VERSION = 1;
/** Changes that are kept beyond two for each frame. */
const LOG_SLACK = 64;

/** One job: what was asked for, and where each of its frames stands. */
export class Job {
  readonly #frames: readonly FrameStatus[];
  /** Which frame has changed to which version, in order. */
  #log: (readonly [version: number, index: number])[] = [];
  /** The status as JSON since a version, for as long as nothing changes: all who follow the job share it. */
  readonly #texts = new Map<number, string>();
  #done = 0;
  #failed = 0;
  #running = 0;
  /** Sum of the progress of all frames. */
  #sum = 0;
  readonly #changes = new EventTarget();
  readonly #cancel = new AbortController();
  #version = 1;
  #progress = 0;

  /**
   * @param ends of frames that had ended before the service was started again.
   * @param starts how often the work was begun since the last frame ended, without the service being stopped in order.
   */
  constructor(
    readonly spec: JobSpec,
    ends: ReadonlyMap<number, FrameEnd> = new Map(),
    readonly starts = 0,
  ) {
    this.#frames = spec.frames.map((_, index) => {
      const end = ends.get(index);
      this.#count(end);
      return { progress: end === undefined ? 0 : 1, running: false, end, partial: undefined, version: 1 };
    });
  }

  /** Aborts when the job is cancelled. */
  get cancelled(): AbortSignal {
    return this.#cancel.signal;
  }

  get state(): JobState {
    if (this.#done + this.#failed === this.#frames.length) return this.#failed > 0 ? 'failed' : 'done';
    if (this.#cancel.signal.aborted) return 'cancelled';
    return this.#running + this.#done + this.#failed > 0 ? 'running' : 'queued';
  }

  get ended(): boolean {
    return !['queued', 'running'].includes(this.state);
  }

  /** Never falls; 1 only when everything is done. */
  get progress(): number {
    const mean = this.#sum / this.#frames.length;
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

  /** What is there of a frame that is being worked on. */
  partial(index: number): Raster | undefined {
    return this.#frames[index]?.partial;
  }

  begin(index: number, partial?: Raster): void {
    this.#change(index, (frame) => {
      frame.running = true;
      frame.partial = partial;
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
      frame.partial = undefined;
    });
  }

  finish(index: number, end: FrameEnd): void {
    this.#change(index, (frame) => {
      frame.running = false;
      frame.partial = undefined;
      frame.progress = 1;
      frame.end = end;
    });
  }

  cancel(): void {
    this.#cancel.abort();
    this.#version++;
    this.#texts.clear();
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
    return {
      id,
      state: this.state,
      progress: this.progress,
      created,
      total: this.#frames.length,
      done: this.#done,
      failed: this.#failed,
      frames: this.#changedSince(after).map((index) => ({
        index,
        ...this.#frameStatus(index, this.#frames[index] as FrameStatus),
      })),
    };
  }

  /** As {@link status}, as JSON. */
  statusText(after = 0): string {
    const text = this.#texts.get(after) ?? JSON.stringify(this.status(after));
    this.#texts.set(after, text);
    return text;
  }

  /** Frames that have changed, in order, in time proportional to how many they are. */
  #changedSince(after: number): number[] {
    if (after < FIRST_VERSION) return [...this.#frames.keys()];
    let [low, high] = [0, this.#log.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#log[middle]?.[0] ?? 0) > after) high = middle;
      else low = middle + 1;
    }
    const changed = new Set<number>();
    for (let at = low; at < this.#log.length; at++) changed.add(this.#log[at]?.[1] as number);
    return [...changed].sort((a, b) => a - b);
  }

  #count(end: FrameEnd | undefined): void {
    if (end === undefined) return;
    this.#sum++;
    if ('error' in end) this.#failed++;
    else this.#done++;
  }

  #frameStatus(index: number, frame: FrameStatus): Record<string, unknown> {
    const { running, progress, end, partial } = frame;
    if (end === undefined) {
      const state: JobState = running ? 'running' : this.#cancel.signal.aborted ? 'cancelled' : 'queued';
      const href = partial && { partial: `/v1/jobs/${this.spec.id}/partials/${index}` };
      return { state, progress: Math.min(MOST, progress), ...href };
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
    const before = { ...frame };
    change(frame);
    this.#running += Number(frame.running) - Number(before.running);
    this.#sum += frame.progress - before.progress;
    if (before.end === undefined && frame.end !== undefined) {
      this.#count(frame.end);
      this.#sum--;
    }
    frame.version = ++this.#version;
    this.#log.push([this.#version, index]);
    // Only the last change of each frame counts.
    if (this.#log.length > 2 * this.#frames.length + LOG_SLACK) {
      this.#log = this.#log.filter(([version, changed]) => this.#frames[changed]?.version === version);
    }
    this.#texts.clear();
    this.#changes.dispatchEvent(new Event('change'));
  }
}

/** Code of a problem that was written down. */
export function codeOf({ type }: Pick<Problem, 'type'>): ErrorCode {
  return type.slice(type.lastIndexOf(':') + 1) as ErrorCode;
}
