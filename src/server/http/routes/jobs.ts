import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { expected, QuietframeError } from '../../../errors.js';
import { digestOf } from '../../../io/sha256.js';
import type { AppContext } from '../../context.js';
import { selectFrames } from '../../frames/choose-center.js';
import { joinUpload } from '../../frames/join-upload.js';
import type { OwnedFrames } from '../../frames/owned-frames.js';
import type { SourceFile } from '../../frames/source-files.js';
import { Job, type JobFrame, type JobSpec } from '../../jobs/job.js';
import { JOB_JSON_LIMIT, type JobRequest, parseJob } from '../../jobs/job-body.js';
import { jobEvents } from '../../jobs/job-events.js';
import { type JobTerms, takeJobTerms } from '../../jobs/job-terms.js';
import { acquireSlot, headerOf, reception, releaseOnClose, reserveBody } from '../../queue/admission.js';
import { JOB_URGENCY, parsePriority } from '../../queue/priority.js';
import { parseDenoiseQuery } from '../denoise-query.js';
import { checkBodyHead, isJson, receiveJson, receiveUpload } from '../exr-body.js';
import { mergeWithoutDuplicates } from '../merge-without-duplicates.js';
import { watchReader } from '../paced-answer.js';
import { mapUpload, type Upload, uploadBytes } from '../upload.js';
import { jobResultRoutes, noStore } from './job-results.js';

const JSON_UTF8 = 'application/json; charset=utf-8';
const KEY = /^[\x21-\x7e]{1,255}$/;

type OfJob = { Params: { id: string } };

/**
 * `/v1/jobs`: work whose result is fetched later. The bodies are those of `POST /v1/denoise`, and whole sequences by
 * digest. A job runs in the queue of all requests, but after those that somebody waits for.
 */
export function jobRoutes(app: FastifyInstance, context: AppContext): void {
  const { jobs, runner, lifecycle, leastRate, streams } = context;

  app.post('/v1/jobs', async (request, reply) => {
    const urgency = parsePriority(headerOf(request), request.caller, JOB_URGENCY).urgency;
    const key = idempotencyKey(request);
    const asked = await receiveJob(request, reply, context);
    const { frames: list, parameters, webhook, progressive } = asked;
    const fingerprint = createHash('sha256')
      .update(JSON.stringify([list, parameters, ...(webhook === undefined ? [] : [webhook])]))
      .digest('hex');
    const before = key === undefined ? undefined : jobs.withKey(key, request.caller);
    if (before !== undefined && before.spec.idempotency?.fingerprint !== fingerprint) {
      throw new QuietframeError(
        'idempotency-conflict',
        expected('the same request as before', 'Idempotency-Key', 'another'),
        { parameter: 'idempotency-key' },
      );
    }
    if (before !== undefined) return accepted(reply.header('idempotency-replayed', 'true'), before);
    const traceparent = request.headers.traceparent?.toString();
    const spec: JobSpec = {
      id: randomUUID(),
      owner: request.caller.name,
      created: new Date().toISOString(),
      urgency,
      ...(traceparent !== undefined && { traceparent }),
      parameters,
      frames: list,
      ...(webhook !== undefined && { webhook }),
      ...(progressive && { progressive }),
      ...(key !== undefined && { idempotency: { key, fingerprint } }),
    };
    const job = new Job(spec);
    jobs.add(job, request.caller);
    try {
      await runner.start(job);
    } catch (error) {
      jobs.remove(job);
      throw error;
    }
    return accepted(reply, job);
  });

  app.get('/v1/jobs', ({ caller }, reply) => {
    const mine = jobs.jobs.filter(({ spec }) => spec.owner === caller.name);
    const shown = mine.map((job) => job.status(Number.POSITIVE_INFINITY));
    return noStore(reply).send({ jobs: shown.map(({ frames: _, ...status }) => status) });
  });

  app.get<OfJob>('/v1/jobs/:id', ({ params, caller }, reply) =>
    noStore(reply).type(JSON_UTF8).send(jobs.find(params.id, caller).statusText()),
  );

  app.delete<OfJob>('/v1/jobs/:id', ({ params, caller }, reply) => {
    const job = jobs.find(params.id, caller);
    if (job.ended) jobs.remove(job);
    else job.cancel();
    return reply.code(204).send();
  });

  app.get<OfJob>('/v1/jobs/:id/events', { exposeHeadRoute: false }, ({ params, caller, headers }, reply) => {
    const job = jobs.find(params.id, caller);
    const last = Number(headers['last-event-id'] ?? 0);
    // A number from before a restart of the service says nothing.
    const seen = Number.isInteger(last) && last >= 0 && last <= job.version ? last : 0;
    // Tells an EventSource not to come again.
    if (job.ended && seen === job.version) return noStore(reply).code(204).send();
    const end = streams.open(caller);
    const closed = new AbortController();
    reply.raw.once('close', () => {
      end();
      closed.abort();
    });
    const rate = watchReader(reply, leastRate);
    // An event waits for its reader, not a queue of them.
    const events = Readable.from(jobEvents(job, seen, lifecycle, closed.signal, rate), { highWaterMark: 1 });
    return noStore(reply).type('text/event-stream').header('x-accel-buffering', 'no').send(events);
  });

  jobResultRoutes(app, context);
}

/**
 * The body of a job. Files that come with it are kept like those of `PUT /v1/frames`.
 * @throws QuietframeError as `POST /v1/denoise`.
 */
async function receiveJob(
  request: FastifyRequest,
  reply: FastifyReply,
  context: AppContext,
): Promise<JobRequest & Omit<JobTerms, 'parameters'>> {
  const { deps, config, files, metrics } = context;
  const frames = context.framesOf(request.caller.name);
  const given = request.query as Record<string, unknown>;
  const { parameters: wanted, ...terms } = takeJobTerms(given, context.webhooks);
  const { center, ...query } = wanted;
  parseDenoiseQuery(wanted, deps.denoiser.models);
  const named = isJson(request.raw);
  const limit = named ? JOB_JSON_LIMIT : Math.min(config.maxUploadBytes, frames.largest);
  checkBodyHead(request.raw, limit);
  const place = acquireSlot(request, context);
  releaseOnClose(reply, place);
  reserveBody(request, reply, context, limit);
  if (request.headers.expect !== undefined) reply.raw.writeContinue();
  const options = reception(request, context, place, limit);
  if (named) {
    const most = Math.min(config.maxJobFrames, config.callerJobFrames);
    const asked = parseJob(await receiveJson(request.raw, options), most);
    if (center !== undefined) {
      const message = expected('it in the body', 'center', 'it in the query');
      throw new QuietframeError('invalid-argument', message, { parameter: 'center' });
    }
    const { webhook, progressive } = terms;
    const ofQuery = { ...query, ...(webhook && { webhook }), ...(progressive && { progressive: 'true' }) };
    const all = mergeWithoutDuplicates(ofQuery, asked.parameters);
    const { parameters, ...taken } = takeJobTerms(all, context.webhooks);
    parseDenoiseQuery(parameters, deps.denoiser.models);
    return { frames: asked.frames, ...taken, parameters: parameters as Record<string, string> };
  }
  const memory = context.uploads.open();
  try {
    const upload = await receiveUpload(request.raw, { ...options, memory });
    metrics.received(uploadBytes(upload));
    const { lambdaText } = upload;
    const parameters =
      lambdaText === undefined ? query : mergeWithoutDuplicates(query, { lambda: lambdaText });
    parseDenoiseQuery(parameters, deps.denoiser.models);
    const index = center === undefined ? undefined : Number(center);
    const sources = joinUpload(
      mapUpload(upload, (bytes) => files.uploaded(bytes)),
      index,
      files,
    );
    await selectFrames(sources, index);
    memory.handOver();
    const frame = await keepUpload(await loadUpload(upload, sources), frames);
    return {
      frames: [{ ...frame, ...(center !== undefined && { center: Number(center) }) }],
      ...terms,
      parameters: parameters as Record<string, string>,
    };
  } finally {
    memory.release();
  }
}

/** The upload with the frames and half buffers as they were joined. */
async function loadUpload(upload: Upload, { frames, halves }: Upload<SourceFile>): Promise<Upload> {
  const { aovs, ...rest } = upload;
  if (aovs === undefined) return upload;
  const loaded = await Promise.all([...frames, ...(halves ?? [])].map((file) => file.load()));
  const [halfA, halfB] = loaded.slice(frames.length);
  return {
    ...rest,
    frames: loaded.slice(0, frames.length),
    halves: halfA !== undefined && halfB !== undefined ? [halfA, halfB] : undefined,
  };
}

/** Keeps the files of an upload like those of `PUT /v1/frames`. */
async function keepUpload(upload: Upload, frames: OwnedFrames): Promise<JobFrame> {
  const keep = async (bytes: Uint8Array): Promise<string> => {
    const digest = await digestOf(bytes);
    await frames.put(digest, bytes);
    return digest;
  };
  const digests: string[] = [];
  for (const file of [...upload.frames, ...(upload.halves ?? [])]) digests.push(await keep(file));
  const [halfA, halfB] = digests.slice(upload.frames.length);
  const lambda = upload.lambda && (await keep(upload.lambda));
  const guide = upload.guide && (await keep(upload.guide));
  return {
    frames: digests.slice(0, upload.frames.length),
    ...(halfA !== undefined && halfB !== undefined && { halves: [halfA, halfB] }),
    ...(lambda !== undefined && { lambda }),
    ...(guide !== undefined && { guide }),
  };
}

function accepted(reply: FastifyReply, job: Job): FastifyReply {
  return noStore(reply)
    .code(202)
    .header('location', `/v1/jobs/${job.spec.id}`)
    .type(JSON_UTF8)
    .send(job.statusText());
}

function idempotencyKey({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']?.toString();
  if (key === undefined || KEY.test(key)) return key;
  throw new QuietframeError(
    'invalid-argument',
    expected('1 to 255 visible characters', 'Idempotency-Key', key),
    {
      parameter: 'idempotency-key',
    },
  );
}
