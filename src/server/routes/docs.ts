import type { FastifyInstance } from 'fastify';
import { apiPage } from '../api-page.js';
import { OPENAPI } from '../openapi.js';

/** `GET /docs`: the description of this interface for people. */
export function docsRoute(app: FastifyInstance): void {
  const { html, headers } = apiPage(OPENAPI);
  app.get('/docs', (_request, reply) => reply.headers(headers).send(html));
}
