import type { FastifyInstance, FastifyReply } from 'fastify';
import type { AppContext } from '../../context.js';

/**
 * `GET /healthz/{live,startup,ready}`: 200 or 503 with the phase. Live says that the event loop turns, startup that
 * warm-up is done, ready that work is taken.
 */
export function healthRoutes(app: FastifyInstance, { lifecycle }: AppContext): void {
  const answer = (reply: FastifyReply, good: boolean): FastifyReply =>
    reply
      .code(good ? 200 : 503)
      .header('cache-control', 'no-store')
      .send({ phase: lifecycle.phase });
  app.get('/healthz/live', (_request, reply) => answer(reply, true));
  app.get('/healthz/startup', (_request, reply) => answer(reply, lifecycle.phase !== 'starting'));
  app.get('/healthz/ready', (_request, reply) => answer(reply, lifecycle.phase === 'ready'));
}
