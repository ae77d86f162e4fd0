import type { FastifyInstance, FastifyReply } from 'fastify';
import { QuietframeError } from '../../errors.js';
import type { DenoiseExrRequest } from '../../workflow/denoise-exr.js';
import type { AppContext } from '../app.js';
import { negotiate, sendAnswer } from '../denoise-answer.js';
import { type DenoiseQuery, parseDenoiseQuery } from '../denoise-query.js';
import { encodePng } from '../encode-png.js';
import { checkBodyHead, receiveUpload, uploadBytes } from '../exr-body.js';
import { type SelectedFrames, selectFrames } from '../select-frames.js';
import type { Place } from '../work-queue.js';

/**
 * `POST /v1/denoise`. Whatever can be refused without the body is refused before it is read; what the headers of its
 * files show, before it waits for its turn. The work ends when the client goes away.
 */
export function denoiseRoute(app: FastifyInstance, context: AppContext): void {
  const { deps, config, metrics } = context;
  app.post('/v1/denoise', async (request, reply) => {
    const query = parseDenoiseQuery(request.query as Record<string, unknown>, deps.denoiser.models);
    const type = negotiate(request);
    checkBodyHead(request.raw, config.maxUploadBytes);
    const place = takePlace(reply, context);
    const signal = leaveOnClose(reply, place);

    const stages = new Map<string, number>();
    let mark = performance.now();
    const lap = (stage: string): void => {
      const now = performance.now();
      stages.set(stage, (now - mark) / 1000);
      mark = now;
    };
    if (request.headers.expect !== undefined) reply.raw.writeContinue();
    const upload = await receiveUpload(request.raw, config.maxUploadBytes);
    metrics.received(uploadBytes(upload));
    const selected = selectFrames(upload, query.center, deps.pool);
    lap('receive');
    const { result, png } = await place.run(async () => {
      lap('queue');
      const result = await deps.denoiseExr(denoiseRequest(selected, query, signal));
      for (const [stage, seconds] of Object.entries(result.report.stages)) stages.set(stage, seconds);
      mark = performance.now();
      const png = type === 'image/png' ? await encodePng(result.color, signal) : undefined;
      if (png !== undefined) lap('png');
      return { result, png };
    }, signal);
    for (const [stage, seconds] of stages) metrics.stage(stage, seconds);
    metrics.sent(sendAnswer(reply, type, { result, png, selected, stages }));
    return reply;
  });
}

/**
 * A place in the queue.
 * @throws QuietframeError `overloaded`, with Retry-After set, when there is none or the service is stopping.
 */
function takePlace(reply: FastifyReply, { lifecycle, queue }: AppContext): Place {
  try {
    if (lifecycle.phase === 'draining') {
      throw new QuietframeError('overloaded', 'The service is stopping and takes no more work');
    }
    return queue.admit();
  } catch (error) {
    void reply.header('retry-after', queue.retryAfterSeconds);
    throw error;
  }
}

/** Gives the place back when the request is over; the signal aborts if that is before its answer was sent. */
function leaveOnClose(reply: FastifyReply, place: Place): AbortSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    place.leave();
    if (!reply.raw.writableFinished) controller.abort();
  };
  if (reply.raw.closed) onClose();
  else reply.raw.once('close', onClose);
  return controller.signal;
}

/** What the workflow is asked for. */
export function denoiseRequest(
  { files }: SelectedFrames,
  { lambda, model, source = 'auto', alpha, aovs }: DenoiseQuery,
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
  };
}
