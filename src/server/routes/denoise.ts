import type { FastifyInstance } from 'fastify';
import type { DenoiseExrRequest } from '../../workflow/denoise-exr.js';
import type { AppContext } from '../app.js';
import { negotiate, sendAnswer } from '../denoise-answer.js';
import { type DenoiseQuery, parseDenoiseQuery } from '../denoise-query.js';
import { encodePng } from '../encode-png.js';
import {
  checkBodyHead,
  isJson,
  JSON_LIMIT,
  receiveFile,
  receiveUpload,
  type Upload,
  uploadBytes,
} from '../exr-body.js';
import { frameMemory } from '../frame-memory.js';
import { leaveOnClose, takePlace } from '../place.js';
import { type SelectedFrames, selectFrames } from '../select-frames.js';
import { fetchStored, parseStoredFrames } from '../stored-frames.js';

/**
 * `POST /v1/denoise`. Whatever can be refused without the body is refused before it is read; what the headers of its
 * files show, before it waits for its turn. The work ends when the client goes away.
 */
export function denoiseRoute(app: FastifyInstance, context: AppContext): void {
  const { deps, config, metrics, frames, callers } = context;
  app.post('/v1/denoise', async (request, reply) => {
    const given = request.query as Record<string, unknown>;
    let query = parseDenoiseQuery(given, deps.denoiser.models);
    const type = negotiate(request);
    const named = isJson(request.raw);
    checkBodyHead(request.raw, named ? JSON_LIMIT : config.maxUploadBytes);
    const place = takePlace(request, context);
    const gone = leaveOnClose(reply, place);

    const stages = new Map<string, number>();
    let mark = performance.now();
    const lap = (stage: string): void => {
      const now = performance.now();
      stages.set(stage, (now - mark) / 1000);
      mark = now;
    };
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    let upload: Upload;
    if (named) {
      const { parameters, ...digests } = parseStoredFrames(await receiveFile(request.raw, JSON_LIMIT));
      query = parseDenoiseQuery(givenOnce(given, parameters), deps.denoiser.models);
      upload = await fetchStored(digests, frames, metrics);
    } else {
      upload = await receiveUpload(request.raw, config.maxUploadBytes);
      metrics.received(uploadBytes(upload));
      callers.received(request.caller, uploadBytes(upload));
    }
    const selected = selectFrames(upload, query.center, deps.pool);
    lap('receive');
    const work = async (signal: AbortSignal) => {
      lap('queue');
      const result = await deps.denoiseExr(denoiseRequest(selected, query, signal));
      for (const [stage, seconds] of Object.entries(result.report.stages)) stages.set(stage, seconds);
      mark = performance.now();
      const png = type === 'image/png' ? await encodePng(result.color, signal) : undefined;
      if (png !== undefined) lap('png');
      return { result, png };
    };
    const bytes = frameMemory(selected, query, (exr) => deps.pool.header(exr));
    const { result, png } = await place.run(work, gone, bytes);
    for (const [stage, seconds] of stages) metrics.stage(stage, seconds);
    metrics.sent(sendAnswer(reply, type, { result, png, selected, stages }));
    return reply;
  });
}

/** What the workflow is asked for. */
export function denoiseRequest(
  { files }: SelectedFrames,
  { lambda, model, source = 'auto', alpha, aovs, layers }: DenoiseQuery,
  signal: AbortSignal,
): DenoiseExrRequest {
  return {
    ...files,
    lambda,
    signal,
    ...(model === undefined ? {} : { model }),
    ...(source === 'auto' ? {} : { source }),
    ...(alpha === undefined ? {} : { alpha }),
    ...(aovs === undefined ? {} : { aovs }),
    ...(layers === undefined ? {} : { layers }),
  };
}

/** Parameters of the query and of the body; one that both have counts as given twice. */
function givenOnce(
  query: Readonly<Record<string, unknown>>,
  body: Readonly<Record<string, string>>,
): Record<string, unknown> {
  const twice = Object.keys(body).filter((name) => Object.hasOwn(query, name));
  return { ...query, ...body, ...Object.fromEntries(twice.map((name) => [name, [query[name], body[name]]])) };
}
