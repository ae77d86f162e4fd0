import type { ConnectError, Interceptor, StreamResponse } from '@connectrpc/connect';
import type { FastifyBaseLogger } from 'fastify';
import { ERROR_TABLE, type ErrorCode } from '../../errors.js';
import { outcomeOf } from '../app.js';
import { isOurFault, publicError } from '../error-handler.js';
import type { Metrics } from '../metrics.js';
import { abortError, rpcError } from './rpc-error.js';

/** Times every call to its end, counts it by the code of its error, logs what failed within, and words the error. */
export function observeCalls(metrics: Metrics, log: FastifyBaseLogger): Interceptor {
  return (next) => async (request) => {
    const start = performance.now();
    let reason: ErrorCode | 'none' = 'none';
    const end = (): void => {
      const route = `/${request.service.typeName}/${request.method.name}`;
      const outcome = outcomeOf(reason === 'none' ? 200 : ERROR_TABLE[reason].status);
      metrics.request(route, outcome, reason, (performance.now() - start) / 1000);
    };
    const fail = (error: unknown): ConnectError => {
      const thrown = publicError(error);
      const shown = thrown.code === 'cancelled' ? abortError(request.signal, thrown) : thrown;
      reason = shown.code;
      if (isOurFault(shown)) log.error({ err: shown.cause ?? shown, code: reason }, shown.message);
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
