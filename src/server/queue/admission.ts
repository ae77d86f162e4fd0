import type { FastifyReply, FastifyRequest } from 'fastify';
import { QuietframeError } from '../../errors.js';
import type { AppContext } from '../context.js';
import type { ReceiveOptions } from '../http/exr-body.js';
import { parsePriority } from './priority.js';
import type { QueueSlot, RequestPriority } from './queue-slot.js';

/**
 * A place in the queue for a request.
 * @throws QuietframeError as {@link admitRequest} and `parsePriority`.
 */
export function acquireSlot(request: FastifyRequest, context: AppContext): QueueSlot {
  return admitRequest(parsePriority(headerOf(request), request.caller), context);
}

/** The headers of a request; several of a name as one. */
export function headerOf({ headers }: FastifyRequest): (name: string) => string | undefined {
  return (name) => headers[name]?.toString();
}

/**
 * A place in the queue.
 * @throws QuietframeError as `WorkQueue.admit`; `overloaded` when the service is stopping.
 */
export function admitRequest(terms: RequestPriority, { lifecycle, queue }: AppContext): QueueSlot {
  if (lifecycle.phase !== 'draining') return queue.admit(terms);
  const retryAfter = queue.retryAfterSeconds;
  throw new QuietframeError('overloaded', 'The service is stopping and takes no more work', { retryAfter });
}

/**
 * Gives the place back when the request is over, if that was not done before; the signal aborts if the request ends before
 * its answer was sent.
 */
export function releaseOnClose(reply: FastifyReply, place: QueueSlot): AbortSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    place.leave();
    if (!reply.raw.writableFinished) controller.abort();
  };
  if (reply.raw.closed) onClose();
  else reply.raw.once('close', onClose);
  return controller.signal;
}

/**
 * Reserves the memory of a body until the request is over: what its Content-Length says, or as much as it may have without.
 * @throws QuietframeError as `UploadBudget.reserve`.
 */
export function reserveBody(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { uploadBudget }: AppContext,
  maxBytes: number,
): void {
  const release = uploadBudget.reserve(Number(headers['content-length'] ?? maxBytes));
  if (reply.raw.closed) release();
  else reply.raw.once('close', release);
}

/** How the body of a request that holds a place is received. */
export function reception(
  request: FastifyRequest,
  { callers, leastRate }: AppContext,
  place: QueueSlot,
  maxBytes: number,
): Omit<ReceiveOptions, 'memory'> {
  return {
    maxBytes,
    leastRate,
    onChunk: ({ length }) => callers.received(request.caller, length),
    signal: place.lost,
  };
}

/**
 * The work of a request is done: its place is for others while its answer is read, as long as the answers that wait for
 * their readers fit into memory.
 */
export function leaveForAnswer(
  reply: FastifyReply,
  place: QueueSlot,
  bytes: number,
  { answers }: AppContext,
): void {
  const release = answers.hold(reply, bytes);
  if (release === undefined) return;
  place.leave();
  if (reply.raw.closed) release();
  else reply.raw.once('close', release);
}
