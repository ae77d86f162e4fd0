import type { FastifyReply } from 'fastify';
import { QuietframeError } from '../errors.js';
import type { AppContext } from './app.js';
import type { Place } from './work-queue.js';

/**
 * A place in the queue.
 * @throws QuietframeError `overloaded`, with Retry-After set, when there is none or the service is stopping.
 */
export function takePlace(reply: FastifyReply, { lifecycle, queue }: AppContext): Place {
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
export function leaveOnClose(reply: FastifyReply, place: Place): AbortSignal {
  const controller = new AbortController();
  const onClose = (): void => {
    place.leave();
    if (!reply.raw.writableFinished) controller.abort();
  };
  if (reply.raw.closed) onClose();
  else reply.raw.once('close', onClose);
  return controller.signal;
}
