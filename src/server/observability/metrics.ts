import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { FrameStore } from '../frames/frame-store.js';
import type { JobState } from '../jobs/job.js';
import type { JobStore } from '../jobs/job-store.js';
import type { WorkQueue } from '../queue/work-queue.js';
import type { ServedReport } from '../service.js';

const SECONDS = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

/** Gauges among the default ones that are named like counters, which Prometheus' own check refuses. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

const JOB_STATES: readonly JobState[] = ['queued', 'running', 'done', 'failed', 'cancelled'];

/** What became of a request: answered, refused (4xx), failed (5xx), or left by its client. */
export type Outcome = 'ok' | 'refused' | 'failed' | 'cancelled';

/** Figures of one service for Prometheus. Seconds and bytes throughout. */
export class Metrics {
  readonly registry = new Registry();
  readonly #requests = new Histogram({
    name: 'quietframe_request_seconds',
    help: 'Seconds from the head of a request to the end of its answer, by route, outcome and error code.',
    labelNames: ['route', 'outcome', 'reason'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly #stages = new Histogram({
    name: 'quietframe_stage_seconds',
    help: 'Seconds that the stages of denoising took.',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly #received = new Counter({
    name: 'quietframe_received_bytes_total',
    help: 'Bytes of OpenEXR files that were uploaded whole.',
    registers: [this.registry],
  });
  readonly #sent = new Counter({
    name: 'quietframe_sent_bytes_total',
    help: 'Bytes of results.',
    registers: [this.registry],
  });

  readonly #caches = new Counter({
    name: 'quietframe_cache_lookups_total',
    help: 'Frames that were kept decoded, or whose features were kept, and those that were not.',
    labelNames: ['cache', 'result'],
    registers: [this.registry],
  });
  readonly #cacheBytes = new Gauge({
    name: 'quietframe_cache_bytes',
    help: 'Bytes of frames that are kept decoded, and of features.',
    labelNames: ['cache'],
    registers: [this.registry],
  });
  readonly #lookups = new Counter({
    name: 'quietframe_frame_lookups_total',
    help: 'Frames that requests named by digest, by result: hit or miss.',
    labelNames: ['result'],
    registers: [this.registry],
  });

  readonly #jobFrames = new Counter({
    name: 'quietframe_job_frames_total',
    help: 'Frames of jobs that have ended, by outcome: ok or failed.',
    labelNames: ['outcome'],
    registers: [this.registry],
  });

  constructor(
    queue: WorkQueue,
    frames: Pick<FrameStore, 'memoryBytes' | 'spoolBytes' | 'spoolFailures'>,
    jobs: JobStore,
    restarts: () => number,
  ) {
    collectDefaultMetrics({ register: this.registry });
    for (const name of MISNAMED) this.registry.removeSingleMetric(name);
    // A counter that is there before it counts shows its first increase.
    for (const outcome of ['ok', 'failed']) this.#jobFrames.inc({ outcome }, 0);
    for (const result of ['hit', 'miss']) this.#lookups.inc({ result }, 0);
    gauge(this.registry, 'quietframe_requests_in_flight', 'Requests that hold a place.', () => queue.places);
    gauge(
      this.registry,
      'quietframe_requests_running',
      'Requests that are being denoised.',
      () => queue.running,
    );
    gauge(
      this.registry,
      'quietframe_frame_memory_bytes',
      'Bytes of frames that are kept in memory.',
      () => frames.memoryBytes,
    );
    gauge(
      this.registry,
      'quietframe_frame_spool_bytes',
      'Bytes of frames that are kept in the spool folder.',
      () => frames.spoolBytes,
    );
    gauge(this.registry, 'quietframe_queue_depth', 'Requests that wait for their turn.', () => queue.depth);
    gauge(
      this.registry,
      'quietframe_reserved_bytes',
      'Memory that requests which run may take, by the headers of their files.',
      () => queue.reservedBytes,
    );
    counter(
      this.registry,
      'quietframe_spool_failures_total',
      'Frames that could not be written to the spool folder.',
      () => frames.spoolFailures,
    );
    counter(
      this.registry,
      'quietframe_denoiser_restarts_total',
      'Threads of the denoiser that ended by themselves and were replaced.',
      restarts,
    );
    new Gauge({
      name: 'quietframe_jobs',
      help: 'Jobs that are kept, by state.',
      labelNames: ['state'],
      registers: [this.registry],
      collect() {
        const states = new Map<JobState, number>(JOB_STATES.map((state) => [state, 0]));
        for (const { state } of jobs.jobs) states.set(state, (states.get(state) ?? 0) + 1);
        for (const [state, count] of states) this.set({ state }, count);
      },
    });
  }

  /** The work on a frame of a job has ended. */
  jobFrame(outcome: 'ok' | 'failed'): void {
    this.#jobFrames.inc({ outcome });
  }

  /** @param reason code of the error, `none` where there was none. */
  request(route: string, outcome: Outcome, reason: string, seconds: number): void {
    this.#requests.observe({ route, outcome, reason }, seconds);
  }

  stage(stage: string, seconds: number): void {
    this.#stages.observe({ stage }, seconds);
  }

  /** A frame was named by digest. */
  lookup(hit: boolean): void {
    this.#lookups.inc({ result: hit ? 'hit' : 'miss' });
  }

  /** Lookups of a request in the caches of the denoiser. */
  caches(report: Pick<ServedReport, 'decoded' | 'features'>): void {
    for (const cache of ['decoded', 'features'] as const) {
      const found = report[cache];
      if (found === undefined) continue;
      this.#caches.inc({ cache, result: 'hit' }, found.hits);
      this.#caches.inc({ cache, result: 'miss' }, found.misses);
      this.#cacheBytes.set({ cache }, found.bytes);
    }
  }

  received(bytes: number): void {
    this.#received.inc(bytes);
  }

  sent(bytes: number): void {
    this.#sent.inc(bytes);
  }
}

/** A figure that somebody else counts. */
function counter(registry: Registry, name: string, help: string, value: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(value());
    },
  });
}

function gauge(registry: Registry, name: string, help: string, value: () => number): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    collect() {
      this.set(value());
    },
  });
}
