import { ConnectError, type Interceptor, type StreamResponse } from '@connectrpc/connect';
import type { FastifyBaseLogger } from 'fastify';
import { ERROR_TABLE, type ErrorCode } from '../../errors.js';
import type { AppContext } from '../context.js';
import { Health } from '../gen/grpc/health/v1/health_pb.js';
import { outcomeOf } from '../http/observe-requests.js';
import { isServerError, publicError } from '../http/problem.js';
import { callerName, STAGES } from './call-terms.js';
import { abortError, readError, rpcError } from './rpc-error.js';

type Observed = Pick<AppContext, 'metrics' | 'tracing'>;

/** Times every call to its end, counts it by the code of its error, logs and traces it, and words the error. */
export function observeCalls({ metrics, tracing }: Observed, log: FastifyBaseLogger): Interceptor {
  return (next) => async (request) => {
    const start = performance.now();
    let reason: ErrorCode | 'none' = 'none';
    const end = (): void => {
      const route = `/${request.service.typeName}/${request.method.name}`;
      const outcome = outcomeOf(reason === 'none' ? 200 : ERROR_TABLE[reason].status);
      const seconds = (performance.now() - start) / 1000;
      metrics.request(route, outcome, reason, seconds);
      if (request.service.typeName === Health.typeName) return;
      const traceparent = request.header.get('traceparent') ?? undefined;
      log.info({ route, outcome, reason, seconds, caller: callerName(request.contextValues) }, 'Answered');
      tracing.record({
        name: route.slice(1),
        traceparent,
        seconds,
        stages: request.contextValues.get(STAGES),
        problem: reason === 'none' ? undefined : reason,
        failed: outcome === 'failed',
        attributes: {
          'rpc.system': 'grpc',
          'rpc.service': request.service.typeName,
          'rpc.method': request.method.name,
        },
      });
    };
    const fail = (error: unknown): ConnectError => {
      // Methods that take one message have it read for them.
      const thrown = error instanceof ConnectError ? readError(error, request.signal) : publicError(error);
      const shown = thrown.code === 'cancelled' ? abortError(request.signal, thrown) : thrown;
      reason = shown.code;
      if (isServerError(shown)) log.error({ err: shown.cause ?? shown, code: reason }, shown.message);
      return rpcError(shown);
    };
    async function* watch(answers: StreamResponse['message']): StreamResponse['message'] {
      reason = 'cancelled';
      try {
        yield* answers;
        reason = 'none';
      } catch (error) {
        throw fail(error);
      } finally {
        end();
      }
    }
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watch(response.message) };
      end();
      return response;
    } catch (error) {
      const shown = fail(error);
      end();
      throw shown;
    }
  };
}
