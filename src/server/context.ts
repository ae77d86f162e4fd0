import type { Config } from '../config.js';
import type { OriginCheck } from './auth/origin.js';
import type { Tls } from './auth/tls.js';
import type { Caller, TokenRegistry } from './auth/tokens.js';
import type { FrameStore } from './frames/frame-store.js';
import type { OwnedFrames } from './frames/owned-frames.js';
import type { SourceFiles } from './frames/source-files.js';
import type { LeastRateOptions } from './http/least-rate.js';
import type { EventStreams } from './jobs/event-streams.js';
import type { Job } from './jobs/job.js';
import type { JobStore } from './jobs/job-store.js';
import type { Webhooks } from './jobs/webhooks.js';
import type { Lifecycle } from './lifecycle.js';
import type { Metrics } from './observability/metrics.js';
import type { Tracing } from './observability/tracing.js';
import type { AnswerMemory } from './queue/answer-memory.js';
import type { UploadBudget } from './queue/upload-budget.js';
import type { UploadMemory } from './queue/upload-memory.js';
import type { WorkQueue } from './queue/work-queue.js';
import type { ServerDeps } from './service.js';

export type AppConfig = Pick<
  Config,
  | 'maxUploadBytes'
  | 'uploadMemoryBytes'
  | 'concurrency'
  | 'queueLength'
  | 'frameMemoryBytes'
  | 'tokensFile'
  | 'otlpEndpoint'
  | 'tlsCertificate'
  | 'tlsKey'
  | 'trustProxy'
  | 'allowedHosts'
  | 'maxConnections'
  | 'leastRate'
  | 'stallSeconds'
  | 'workSeconds'
  | 'callerPlaces'
  | 'answerBytes'
  | 'callerJobFrames'
  | 'eventStreams'
  | 'maxJobs'
  | 'maxJobFrames'
  | 'jobSeconds'
  | 'jobFolder'
  | 'webhookHosts'
  | 'webhookSecretFile'
  | 'uploadSeconds'
  | 'frameCacheBytes'
  | 'spoolFolder'
  | 'spoolBytes'
  | 'logLevel'
>;

/** Works on jobs: `JobRunner`, which needs the rest of the context itself. */
export interface JobWork {
  start(job: Job): Promise<void>;
  resume(job: Job): Promise<void>;
  stop(): void;
  drain(): Promise<void>;
}

/** What the routes share. */
export interface AppContext {
  readonly deps: ServerDeps;
  readonly config: AppConfig;
  readonly lifecycle: Lifecycle;
  readonly queue: WorkQueue;
  readonly metrics: Metrics;
  /** Frames of all owners. */
  readonly frames: FrameStore;
  /** Frames of a caller: of its token alone where there are tokens, of all callers otherwise. */
  readonly framesOf: (owner: string) => OwnedFrames;
  /** Files of requests, sent or by digest. */
  readonly files: SourceFiles;
  /** Memory of uploads. */
  readonly uploads: UploadMemory;
  readonly uploadBudget: UploadBudget;
  /** Answers that wait for their readers. */
  readonly answers: AnswerMemory;
  readonly leastRate: LeastRateOptions;
  readonly streams: EventStreams;
  readonly origins: OriginCheck;
  readonly callers: TokenRegistry;
  readonly jobs: JobStore;
  readonly runner: JobWork;
  readonly tracing: Tracing;
  /** Undefined where they are off. */
  readonly webhooks: Webhooks | undefined;
  readonly tls: Tls | undefined;
}

declare module 'fastify' {
  interface FastifyInstance {
    /** For what answers beside HTTP and shares its queue and figures. */
    readonly context: AppContext;
  }
  interface FastifyRequest {
    /** Who has sent it. */
    caller: Caller;
    /** Seconds by stage of the work on it, in order. */
    stages: ReadonlyMap<string, number> | undefined;
  }
}
