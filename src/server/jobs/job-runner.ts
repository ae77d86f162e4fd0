import { setImmediate } from 'node:timers/promises';
import { partialPicture } from '../../denoise/partial-picture.js';
import { QuietframeError } from '../../errors.js';
import { shotSize } from '../../files/window/usable-window.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import type { Raster } from '../../image/raster.js';
import { digestOf } from '../../io/sha256.js';
import { followSignals } from '../../threads/follow-signals.js';
import { anonymousCaller } from '../auth/tokens.js';
import type { AppContext } from '../context.js';
import { loadFiles, type SelectedFrames, selectFrames } from '../frames/choose-center.js';
import { findStored } from '../frames/frame-references.js';
import { joinUpload } from '../frames/join-upload.js';
import { Shot } from '../frames/shot-window.js';
import { missingFrames } from '../frames/source-files.js';
import { completeReport } from '../http/denoise-answer.js';
import { parseDenoiseQuery } from '../http/denoise-query.js';
import { isServerError, problemOf, publicError } from '../http/problem.js';
import { denoiseRequest } from '../http/routes/denoise.js';
import { memoryOf } from '../queue/frame-memory.js';
import type { RequestPriority } from '../queue/queue-slot.js';
import { codeOf, type FrameEnd, type Job, type JobFrame, type JobResult } from './job.js';
import { digestsOf, storedNames } from './job-files.js';
import type { JobRecords } from './job-records.js';
import { RepeatedFailure } from './repeated-failure.js';

type Context = Pick<
  AppContext,
  'deps' | 'config' | 'queue' | 'metrics' | 'framesOf' | 'files' | 'tracing' | 'webhooks'
>;

/** How often the service may end under a job without a frame being done. */
const MOST_STARTS = 3;

/** What the frames of a job share while the service works on it. */
interface JobRun {
  readonly shot: Shot;
  /** Aborts work on a frame. */
  readonly stopped: AbortSignal;
  /** Aborts where no more frames are to begin, too. */
  readonly unwanted: AbortSignal;
}

/** Where failures of the service itself are told. */
export interface RunnerLog {
  error(details: object, message: string): void;
}

/**
 * Works jobs off through the queue of all requests, a few frames of a job at a time. Frames that a job still needs are
 * retained; results are kept like frames.
 */
export class JobRunner {
  readonly #context: Context;
  readonly #records: JobRecords | undefined;
  readonly #log: RunnerLog;
  readonly #drain = new AbortController();
  readonly #stop = new AbortController();
  readonly #running = new Set<Promise<void>>();

  constructor(context: Context, records: JobRecords | undefined, log: RunnerLog) {
    this.#context = context;
    this.#records = records;
    this.#log = log;
  }

  /**
   * Begins the work on a job, whose frames are kept.
   * @throws QuietframeError as `FrameStore.retain`; `file-system`.
   */
  async start(job: Job): Promise<void> {
    await this.#start(job, true);
  }

  /**
   * Goes on with a job of an earlier run of the service. Frames whose files are gone fail alone; a job under which the service
   * has ended too often is given up.
   * @throws QuietframeError as {@link start}.
   */
  async resume(job: Job): Promise<void> {
    const frames = this.#context.framesOf(job.spec.owner);
    for (const index of unfinished(job)) {
      const digests = digestsOf(job.spec.frames[index] as JobFrame);
      const missing = digests.filter((digest) => !frames.has(digest));
      if (job.starts >= MOST_STARTS) {
        const times = `${job.starts} times while it worked on the job`;
        const message = `The work on the job cannot be resumed: the service ended ${times}`;
        await this.#finish(job, index, { error: problemOf(new QuietframeError('internal', message)) });
      } else if (missing.length > 0) {
        await this.#finish(job, index, { error: problemOf(missingFrames(missing, 'the job')) });
      }
    }
    if (!job.ended) await this.#start(job, false);
    else void this.#context.webhooks?.notify(job);
  }

  async #start(job: Job, isNew: boolean): Promise<void> {
    const frames = this.#context.framesOf(job.spec.owner);
    const todo = unfinished(job);
    const digests = [...new Set(todo.flatMap((index) => digestsOf(job.spec.frames[index] as JobFrame)))];
    frames.pin(digests);
    try {
      if (this.#records !== undefined) {
        for (const digest of digests) await frames.persist(digest);
        if (isNew) await this.#records.create(job);
        await this.#records.note(job, 'started');
      }
    } catch (error) {
      frames.release(digests);
      throw error;
    }
    const forget = (): void => void this.#records?.remove(job);
    job.cancelled.addEventListener('abort', forget, { once: true });
    const repeated = new RepeatedFailure();
    const shot = new Shot(wrapOf(job));
    const stopped = followSignals([job.cancelled, this.#stop.signal]);
    const unwanted = followSignals([stopped.signal, this.#drain.signal]);
    const lane = async (): Promise<void> => {
      for (let index = todo.shift(); index !== undefined; index = todo.shift()) {
        // Others are answered between the frames of a job, however little there is to do on each.
        await setImmediate();
        if (job.cancelled.aborted || this.#drain.signal.aborted) return;
        const given = repeated.error;
        if (given !== undefined) await this.#finish(job, index, { error: given });
        else
          repeated.note(
            await this.#work(job, index, { shot, stopped: stopped.signal, unwanted: unwanted.signal }),
          );
      }
    };
    const lanes = Promise.all(Array.from({ length: this.#context.config.concurrency }, lane));
    const work = lanes.then(async () => {
      frames.release(digests);
      stopped.release();
      unwanted.release();
      if (!job.ended && !job.cancelled.aborted) await this.#noteStopped(job);
      // Nobody waits for others: neither the jobs nor the end of the service.
      if (!job.cancelled.aborted) void this.#context.webhooks?.notify(job);
      this.#running.delete(work);
    });
    this.#running.add(work);
  }

  async #noteStopped(job: Job): Promise<void> {
    try {
      await this.#records?.note(job, 'stopped');
    } catch (error) {
      this.#log.error({ err: error, job: job.spec.id }, 'A job was not written down');
    }
  }

  /** Begins no more frames, and resolves when those that are being denoised have ended. */
  async drain(): Promise<void> {
    this.#drain.abort();
    await Promise.all(this.#running);
  }

  /** Gives up what is being denoised. */
  stop(): void {
    this.#drain.abort();
    this.#stop.abort();
  }

  /** @returns how it ended, if it did. */
  async #work(job: Job, index: number, run: JobRun): Promise<FrameEnd | undefined> {
    const { metrics, tracing } = this.#context;
    let end: FrameEnd;
    const start = performance.now();
    const stages = new Map<string, number>();
    try {
      const result = await this.#denoise(job, index, run, stages);
      end = { result };
    } catch (error) {
      const shown = publicError(error);
      if (shown.code === 'cancelled') {
        job.suspend(index);
        return undefined;
      }
      if (isServerError(shown)) {
        this.#log.error(
          { err: shown.cause ?? shown, code: shown.code, job: job.spec.id, index },
          shown.message,
        );
      }
      end = { error: problemOf(shown) };
    }
    metrics.jobFrame('error' in end ? 'failed' : 'ok');
    for (const [stage, seconds] of stages) metrics.stage(stage, seconds);
    tracing.record({
      name: 'job frame',
      traceparent: job.spec.traceparent,
      seconds: (performance.now() - start) / 1000,
      stages,
      problem: 'error' in end ? codeOf(end.error) : undefined,
      failed: 'error' in end && end.error.status >= 500,
      attributes: { 'quietframe.job': job.spec.id, 'quietframe.frame': index },
    });
    await this.#finish(job, index, end);
    return end;
  }

  async #finish(job: Job, index: number, end: FrameEnd): Promise<void> {
    try {
      // A result that the spool cannot keep is there as long as the process is.
      if (this.#records !== undefined && 'result' in end) {
        await this.#context.framesOf(job.spec.owner).persist(end.result.digest);
      }
      await this.#records?.append(job, index, end);
    } catch (error) {
      // The frame is denoised again after a restart.
      this.#log.error({ err: error, job: job.spec.id, index }, 'A job was not written down');
    }
    job.finish(index, end);
  }

  async #denoise(
    job: Job,
    index: number,
    { shot, stopped, unwanted }: JobRun,
    stages: Map<string, number>,
  ): Promise<JobResult> {
    const { deps, queue, metrics, framesOf, files } = this.#context;
    const { parameters, urgency, owner } = job.spec;
    const frames = framesOf(owner);
    const wanted = job.spec.frames[index] as JobFrame;
    const { center, ofShot = false } = wanted;
    const query = parseDenoiseQuery(parameters, deps.denoiser.models);
    const upload = joinUpload(findStored(storedNames(wanted), files, frames, metrics), center, files);
    const usable = ofShot
      ? await shot.select({ ...upload, center: center ?? 0, first: index - (center ?? 0) }, (other) =>
          this.#sizeOf(job, other),
        )
      : undefined;
    const selected = usable ?? (await selectFrames(upload, center));
    const terms: RequestPriority = { caller: anonymousCaller(owner), urgency, deadline: undefined };
    const partial = job.spec.progressive && partialOf(selected);
    const memory = memoryOf(selected, query, deps.denoiser.models) + (partial?.data.byteLength ?? 0);
    const queued = performance.now();
    const work = async () => {
      stages.set('queue', (performance.now() - queued) / 1000);
      job.begin(index, partial);
      const onProgress = (fraction: number): void => job.advance(index, fraction);
      const loaded = await loadFiles(selected.files);
      const request = { ...denoiseRequest(loaded, query, stopped), onProgress, ...(partial && { partial }) };
      return usable === undefined
        ? deps.denoiseExr(request)
        : shot.denoise(usable, request, (each) => deps.denoiseExr(each));
    };
    const { exr, report } = await queue.run(work, unwanted, terms, memory);
    for (const [stage, seconds] of Object.entries(report.stages)) stages.set(stage, seconds);
    metrics.caches(report);
    const digest = await digestOf(exr);
    await frames.put(digest, exr);
    return { digest, bytes: exr.length, report: completeReport(report, selected, stages) };
  }

  /** The size of a frame of a shot, where the frame is kept and can be read. */
  async #sizeOf({ spec }: Job, index: number): Promise<string | undefined> {
    const { files, framesOf } = this.#context;
    const kept = framesOf(spec.owner);
    const { frames, center = 0 } = spec.frames[index] ?? { frames: [] };
    const digest = frames[center];
    if (digest === undefined || !kept.has(digest)) return undefined;
    try {
      return shotSize(await files.stored(digest, kept).header());
    } catch (error) {
      if (error instanceof QuietframeError) return undefined;
      throw error;
    }
  }
}

/** Memory for what is there of a frame while it is worked on. */
function partialOf({ files, headers }: SelectedFrames): Raster | undefined {
  const window = headers.get(files.exr)?.parts[0]?.dataWindow;
  return window && partialPicture(boxWidth(window), boxHeight(window));
}

/** Whether the borders of the frames of a shot wrap, where one of them is done. */
function wrapOf(job: Job): JobResult['report']['wrap'] | undefined {
  for (const [index, { ofShot }] of job.spec.frames.entries()) {
    const end = job.end(index);
    if (ofShot && end !== undefined && 'result' in end) return end.result.report.wrap;
  }
  return undefined;
}

/** Indices of the frames that have not ended. */
function unfinished(job: Job): number[] {
  return [...job.spec.frames.keys()].filter((index) => job.end(index) === undefined);
}
