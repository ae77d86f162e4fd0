import type { FastifyInstance } from 'fastify';
import { OPENAPI } from '../../openapi/openapi.js';

/** `GET /openapi.json`: the description of this interface. */
export function openapiRoute(app: FastifyInstance): void {
  app.get('/openapi.json', () => OPENAPI);
}
