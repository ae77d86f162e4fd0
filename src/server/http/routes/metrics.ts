import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../../context.js';

/** `GET /metrics`: figures in the text format of Prometheus. */
export function metricsRoute(app: FastifyInstance, { metrics }: AppContext): void {
  app.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
}
