import type { FastifyInstance } from 'fastify';
import { apiPage, type Page } from '../../openapi/api-page.js';
import { OPENAPI } from '../../openapi/openapi.js';

/** `GET /docs`: the description of this interface for people, made when it is first asked for. */
export function docsRoute(app: FastifyInstance): void {
  let page: Page | undefined;
  app.get('/docs', (_request, reply) => {
    page ??= apiPage(OPENAPI);
    return reply.headers(page.headers).send(page.html);
  });
}
