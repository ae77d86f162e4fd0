import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Sender } from '../auth/origin.js';
import type { AppContext } from '../context.js';
import type { Outcome } from '../observability/metrics.js';
import { wasSent } from './connections.js';
import type { LeastRateOptions } from './least-rate.js';
import { PIECE_BYTES, pacedAnswer, piecesOf, watchReader } from './paced-answer.js';

/** Paths that tokens are asked for, where there are any. */
export const GUARDED = '/v1/';

/** Times a request to the end of its answer, or to the moment that its client goes away. */
export function observe(
  request: FastifyRequest,
  reply: FastifyReply,
  { metrics, tracing }: AppContext,
): void {
  const start = performance.now();
  reply.raw.once('close', () => {
    const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none');
    const answered = wasSent(request.raw, reply.raw);
    const outcome = answered ? outcomeOf(reply.statusCode) : 'cancelled';
    const reason = request.problemCode ?? (answered ? 'none' : 'cancelled');
    const seconds = (performance.now() - start) / 1000;
    metrics.request(route, outcome, reason, seconds);
    const status = answered ? reply.statusCode : 499;
    const traceparent = request.headers.traceparent?.toString();
    const details = {
      method: request.method,
      route,
      status,
      reason,
      seconds,
      caller: request.caller?.name,
      ...(traceparent !== undefined && { traceparent: traceparent.slice(0, 55) }),
    };
    // Those who look after the service ask all the time.
    if (route.startsWith(GUARDED)) request.log.info(details, 'Answered');
    else request.log.debug(details, 'Answered');
    if (!route.startsWith(GUARDED)) return;
    tracing.record({
      name: `${request.method} ${route}`,
      traceparent,
      seconds,
      stages: request.stages ?? new Map(),
      problem: reason === 'none' ? undefined : reason,
      failed: outcome === 'failed',
      attributes: {
        'http.request.method': request.method,
        'http.route': route,
        'http.response.status_code': status,
        'quietframe.request_id': request.id,
      },
    });
  });
}

export function senderOf(request: FastifyRequest): Sender {
  return {
    method: request.method,
    authority: request.host,
    header: (name) => request.headers[name]?.toString(),
  };
}

/** What is too large for the buffers of a connection is sent as its reader takes it; the reader of anything is watched. */
export function paced(payload: unknown, reply: FastifyReply, leastRate: LeastRateOptions): unknown {
  if (payload === undefined || payload === null) return payload;
  if (typeof payload !== 'string' && !(payload instanceof Uint8Array)) return payload;
  const length = Buffer.byteLength(payload);
  if (length <= PIECE_BYTES) {
    watchReader(reply, leastRate).wait();
    return payload;
  }
  const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload;
  void reply.header('content-length', length);
  return pacedAnswer(reply, length, piecesOf(bytes), leastRate);
}

/** What became of a request, by the HTTP status of its answer. */
export function outcomeOf(status: number): Outcome {
  if (status === 499) return 'cancelled';
  if (status < 400) return 'ok';
  return status < 500 ? 'refused' : 'failed';
}
