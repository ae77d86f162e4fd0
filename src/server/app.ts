import { randomUUID } from 'node:crypto';
import { Server as TlsServer } from 'node:tls';
import accepts from '@fastify/accepts';
import { type FastifyBaseLogger, type FastifyInstance, fastify, LogController } from 'fastify';
import { expected, QuietframeError } from '../errors.js';
import { watchFiles } from '../io/watch-files.js';
import { OriginCheck } from './auth/origin.js';
import { readTls, renewTls } from './auth/tls.js';
import { anonymousCaller, TokenRegistry } from './auth/tokens.js';
import type { AppConfig, AppContext } from './context.js';
import { FrameStore } from './frames/frame-store.js';
import { OwnedFrames } from './frames/owned-frames.js';
import { SourceFiles } from './frames/source-files.js';
import { Connections } from './http/connections.js';
import { acceptBodies } from './http/exr-body.js';
import { GUARDED, observe, paced, senderOf } from './http/observe-requests.js';
import { handleError, handleNotFound } from './http/problem.js';
import { denoiseRoute } from './http/routes/denoise.js';
import { docsRoute } from './http/routes/docs.js';
import { filterRoute } from './http/routes/filter.js';
import { frameRoutes } from './http/routes/frames.js';
import { healthRoutes } from './http/routes/health.js';
import { homeRoute } from './http/routes/home.js';
import { jobRoutes } from './http/routes/jobs.js';
import { metricsRoute } from './http/routes/metrics.js';
import { modelRoutes } from './http/routes/models.js';
import { openapiRoute } from './http/routes/openapi.js';
import { sourcesRoute } from './http/routes/sources.js';
import { viewerRoute } from './http/routes/viewer.js';
import { EventStreams } from './jobs/event-streams.js';
import type { Job } from './jobs/job.js';
import { JobRecords } from './jobs/job-records.js';
import { JobRunner } from './jobs/job-runner.js';
import { JobStore } from './jobs/job-store.js';
import { Webhooks } from './jobs/webhooks.js';
import { Lifecycle } from './lifecycle.js';
import { Metrics } from './observability/metrics.js';
import { openTracing } from './observability/tracing.js';
import { AnswerMemory } from './queue/answer-memory.js';
import { UploadBudget } from './queue/upload-budget.js';
import { UploadMemory } from './queue/upload-memory.js';
import { WorkQueue } from './queue/work-queue.js';
import type { ServerDeps } from './service.js';

const HEALTH = '/healthz/';

/** Nothing here is a page with scripts, or is to be shown inside of one. */
const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
};

/** Milliseconds until a job that could not be resumed is tried again. */
const RESUME_MS = 30_000;

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/**
 * The HTTP service, without a port. It does not own the dependencies: close them after the service.
 * @param lifecycle the phase that the health routes show; the caller moves it on.
 */
export async function buildApp(
  deps: ServerDeps,
  config: AppConfig,
  lifecycle = new Lifecycle(),
): Promise<FastifyInstance> {
  const uploadMs = 1000 * config.uploadSeconds;
  const connections = new Connections();
  const tls = await readTls(config);
  // Node swaps the two limits where the one for headers is longer.
  const timeouts = {
    headersTimeout: Math.min(60_000, uploadMs),
    connectionsCheckingInterval: Math.min(30_000, uploadMs / 4),
  };
  const app = fastify({
    logger: config.logLevel === 'silent' ? false : { level: config.logLevel, stream: process.stderr },
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => randomUUID(),
    requestTimeout: uploadMs,
    ...(tls === undefined ? { http: timeouts } : { https: { ...timeouts, ...tls } }),
    ...(config.trustProxy !== undefined && { trustProxy: config.trustProxy }),
    return503OnClosing: false,
    frameworkErrors: handleError,
    clientErrorHandler: (error, socket) => connections.refuse(error, socket),
  });
  connections.watch(app.server, config.maxConnections);
  const queue = new WorkQueue(config.concurrency, config.queueLength, config.frameMemoryBytes, {
    workMs: 1000 * config.workSeconds,
  });
  const { frameCacheBytes: memoryBytes, spoolFolder, spoolBytes } = config;
  const frames = await FrameStore.open({ memoryBytes, spoolFolder, spoolBytes }, app.log);
  const callers = await TokenRegistry.open(config.tokensFile, config.callerPlaces);
  const kept = config.jobFolder === undefined ? undefined : await JobRecords.open(config.jobFolder, app.log);
  const jobs = new JobStore({ ...config, onRemove: (job) => void kept?.records.remove(job) });
  const files = new SourceFiles(deps.pool);
  const uploads = new UploadMemory(config.maxUploadBytes);
  const uploadBudget = new UploadBudget(config.uploadMemoryBytes, uploads);
  const answers = new AnswerMemory(config.answerBytes);
  const leastRate = { bytesPerSecond: config.leastRate, graceMs: 1000 * config.stallSeconds };
  const metrics = new Metrics(queue, frames, jobs, () => deps.denoiser.restarts ?? 0);
  const tracing = await openTracing(config.otlpEndpoint);
  const streams = new EventStreams(config.eventStreams);
  const webhooks = await Webhooks.open(config.webhookHosts, config.webhookSecretFile, app.log);
  const origins = new OriginCheck(config.allowedHosts, config.tokensFile !== undefined);
  const framesOf = (owner: string): OwnedFrames =>
    new OwnedFrames(frames, config.tokensFile === undefined ? undefined : owner);
  const shared = {
    ...{ deps, config, lifecycle, queue, metrics, frames, callers, jobs, tracing, tls },
    ...{ framesOf, files, uploads, uploadBudget, answers, leastRate, streams, origins, webhooks },
  };
  const runner = new JobRunner(shared, kept?.records, app.log);
  const context: AppContext = { ...shared, runner };

  app.decorate('context', context);
  app.decorateRequest('problemCode', undefined);
  app.decorateRequest('caller');
  app.decorateRequest('stages', undefined);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler(handleNotFound);
  app.server.on('checkContinue', (request, response) => app.routing(request, response));
  app.addHook('onRequest', (request, reply, done) => {
    observe(request, reply, context);
    connections.opened(request.raw, reply.raw);
    void reply.headers(SECURITY_HEADERS).header('request-id', request.id);
    if (tls !== undefined) void reply.header('strict-transport-security', 'max-age=31536000');
    // Load balancers ask for health by whatever name they have.
    if (!request.routeOptions.url?.startsWith(HEALTH)) origins.check(senderOf(request));
    // What was routed, not what was asked for: `%76` is a `v`.
    const isGuarded = request.routeOptions.url?.startsWith(GUARDED) || request.url.startsWith(GUARDED);
    request.caller = isGuarded
      ? callers.identify(request.headers.authorization, request.ip)
      : anonymousCaller(request.ip);
    done();
  });
  app.addHook('onSend', (request, reply, payload, done) => {
    connections.answering(request.raw);
    // A connection that were kept alive would hold up the end of the service.
    if (lifecycle.phase === 'draining') void reply.header('connection', 'close');
    done(null, paced(payload, reply, leastRate));
  });
  app.addHook('onResponse', (request, _reply, done) => {
    connections.answered(request.raw);
    done();
  });
  const closing = new AbortController();
  if (app.server instanceof TlsServer) renewTls(app.server, config, app.log, closing.signal);
  if (config.tokensFile !== undefined) reloadTokens(callers, config.tokensFile, app.log, closing.signal);
  app.addHook('preClose', () => runner.drain());
  app.addHook('onClose', async () => {
    await kept?.records.close();
    closing.abort();
    metrics.registry.clear();
    await tracing.close();
    await webhooks?.close();
  });
  await app.register(accepts);
  acceptBodies(app);

  const methods = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ url, method }) => {
    const known = methods.get(url) ?? new Set();
    methods.set(url, new Set([...known, ...[method].flat()]));
  });
  for (const route of [
    homeRoute,
    viewerRoute,
    healthRoutes,
    metricsRoute,
    openapiRoute,
    docsRoute,
    modelRoutes,
    sourcesRoute,
    denoiseRoute,
    filterRoute,
    frameRoutes,
    jobRoutes,
  ]) {
    route(app, context);
  }
  for (const [url, known] of [...methods]) refuseOtherMethods(app, url, known);
  for (const job of kept?.jobs ?? []) await resume(job, context, app.log, closing.signal);
  return app;
}

/** Takes the tokens of their file whenever it changes; keeps the former tokens where it is wrong. */
function reloadTokens(
  callers: TokenRegistry,
  file: string,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): void {
  const reload = async (): Promise<void> => {
    try {
      await callers.reload(file);
      log.info('The tokens were read');
    } catch (error) {
      log.error({ err: error }, 'The tokens could not be read; the former ones stay valid');
    }
  };
  void watchFiles([file], reload, signal);
}

/**
 * Goes on with a job of an earlier run of the service. Where it cannot, for a reason of the service's own, its record and
 * its results stay, and it is tried again.
 */
async function resume(
  job: Job,
  context: AppContext,
  log: FastifyBaseLogger,
  signal: AbortSignal,
): Promise<void> {
  try {
    context.jobs.add(job);
  } catch (error) {
    log.error(
      { err: error, job: job.spec.id },
      'There is no room for a job of an earlier run; its record stays',
    );
    return;
  }
  const start = async (): Promise<void> => {
    if (signal.aborted || job.cancelled.aborted) return;
    try {
      await context.runner.resume(job);
    } catch (error) {
      log.error({ err: error, job: job.spec.id }, 'A job could not be resumed and is tried again');
      setTimeout(() => void start(), RESUME_MS).unref();
    }
  };
  await start();
}

function refuseOtherMethods(app: FastifyInstance, url: string, known: ReadonlySet<string>): void {
  const allow = [...known].join(', ');
  app.route({
    method: METHODS.filter((method) => !known.has(method)),
    url,
    // Before the body is looked at: its media type does not matter here.
    onRequest: (request, reply, done) => {
      void reply.header('allow', allow);
      done(new QuietframeError('method-not-allowed', expected(allow, 'the method', request.method)));
    },
    handler: handleNotFound,
  });
}
