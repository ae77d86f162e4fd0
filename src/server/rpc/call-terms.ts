import {
  type ContextValues,
  createContextKey,
  type HandlerContext,
  type Interceptor,
} from '@connectrpc/connect';
import type { OriginCheck } from '../auth/origin.js';
import { anonymousCaller, type Caller, type TokenRegistry } from '../auth/tokens.js';
import { Health } from '../gen/grpc/health/v1/health_pb.js';
import { parsePriority } from '../queue/priority.js';
import type { RequestPriority } from '../queue/queue-slot.js';

/** Address of the client of a call. */
export const ADDRESS = createContextKey('');
/** `:authority` of a call. */
export const AUTHORITY = createContextKey<string | undefined>(undefined);
/** Resets the call, whatever it waits for. */
export const END_CALL = createContextKey((): void => {});
/** Seconds by stage of the work on a call. */
export const STAGES = createContextKey<ReadonlyMap<string, number>>(new Map());
const CALLER = createContextKey<Caller>(anonymousCaller(''));

/** Lets the calls of known callers pass, and all that ask for the health of the service. */
export function authenticateCalls(callers: TokenRegistry, origins: OriginCheck): Interceptor {
  return (next) => (request) => {
    if (request.service.typeName !== Health.typeName) {
      origins.check({
        method: 'POST',
        authority: request.contextValues.get(AUTHORITY),
        header: (name) => request.header.get(name) ?? undefined,
      });
      const authorization = request.header.get('authorization') ?? undefined;
      const caller = callers.identify(authorization, request.contextValues.get(ADDRESS));
      request.contextValues.set(CALLER, caller);
    }
    return next(request);
  };
}

/** Name of who has made a call, which may not have been let in. */
export function callerName(values: ContextValues): string {
  return values.get(CALLER).name;
}

/** Who has made a call. */
export function callerOf({ values }: HandlerContext): Caller {
  return values.get(CALLER);
}

/**
 * The terms of a call: the headers of HTTP as metadata. Its deadline is that of gRPC.
 * @throws QuietframeError as `parsePriority`.
 */
export function callTerms(call: HandlerContext): RequestPriority {
  const terms = parsePriority((name) => call.requestHeader.get(name) ?? undefined, callerOf(call));
  const left = call.timeoutMs();
  return left === undefined ? terms : { ...terms, deadline: performance.now() + left };
}
