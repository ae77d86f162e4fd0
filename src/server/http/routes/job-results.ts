import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { expected, QuietframeError } from '../../../errors.js';
import type { AppContext } from '../../context.js';
import { codeOf, type Job } from '../../jobs/job.js';
import { partialImage } from '../../jobs/partial-image.js';
import { EXR_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../exr-body.js';
import { openContent, sendContent } from '../send-range.js';

type OfResult = { Params: { id: string; index?: string } };

/** `/v1/jobs/:id/result`, `/results/:index`, and `/partials/:index` while a frame is worked on. */
export function jobResultRoutes(app: FastifyInstance, context: AppContext): void {
  const { deps, jobs, metrics, leastRate } = context;

  const sendResult = async (request: FastifyRequest<OfResult>, reply: FastifyReply) => {
    const { id, index: given } = request.params;
    const job = jobs.find(id, request.caller);
    const index = indexOf(job, given);
    const end = job.end(index);
    if (end === undefined) {
      throw new QuietframeError('not-finished', expected('a frame that is done', 'the job', job.state), {
        ...(!job.ended && { retryAfter: 1 }),
      });
    }
    if ('error' in end) {
      const { detail, parameter, frame, layer, missing } = end.error;
      throw new QuietframeError(codeOf(end.error), detail, {
        ...(parameter !== undefined && { parameter }),
        ...(frame !== undefined && { frame }),
        ...(layer !== undefined && { layer }),
        ...(missing !== undefined && { missing }),
      });
    }
    const { digest, report } = end.result;
    const type = request.accepts().type([EXR_MEDIA_TYPE, JSON_MEDIA_TYPE]);
    if (type === JSON_MEDIA_TYPE) return noStore(reply).header('vary', 'accept').send(report);
    if (type !== EXR_MEDIA_TYPE) {
      const message = expected(`${EXR_MEDIA_TYPE}, ${JSON_MEDIA_TYPE}`, 'Accept', request.headers.accept);
      throw new QuietframeError('not-acceptable', message, { parameter: 'accept' });
    }
    const content = await openContent(digest, context.framesOf(request.caller.name), context.answers);
    if (content === undefined) {
      throw new QuietframeError('not-found', expected('a result that is kept', 'the digest', digest), {
        frame: digest,
      });
    }
    metrics.sent(sendContent(request, reply.type(type).header('vary', 'accept'), content, leastRate));
    return reply;
  };
  app.get<OfResult>('/v1/jobs/:id/partials/:index', async ({ params, caller }, reply) => {
    const job = jobs.find(params.id, caller);
    const partial = job.partial(indexOf(job, params.index));
    if (partial === undefined) {
      const range = 'a frame that is being worked on, of a job with progressive=true,';
      throw new QuietframeError('not-found', expected(range, 'the frame', params.index));
    }
    const exr = await deps.pool.write(partialImage(partial));
    metrics.sent(exr.length);
    return noStore(reply)
      .type(EXR_MEDIA_TYPE)
      .send(Buffer.from(exr.buffer, exr.byteOffset, exr.length));
  });

  app.get<OfResult>('/v1/jobs/:id/result', sendResult);
  app.get<OfResult>('/v1/jobs/:id/results/:index', sendResult);
}

function indexOf({ spec }: Job, given: string | undefined): number {
  const index = given === undefined && spec.frames.length === 1 ? 0 : Number(given ?? Number.NaN);
  if (/^\d*$/.test(given ?? '') && index < spec.frames.length) return index;
  const range = `results/ and an index below ${spec.frames.length}`;
  throw new QuietframeError('not-found', expected(range, 'the result', given ?? 'none'));
}

/** Answers that are another one the next time. */
export function noStore(reply: FastifyReply): FastifyReply {
  return reply.header('cache-control', 'no-store');
}
