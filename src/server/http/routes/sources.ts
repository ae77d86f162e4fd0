import type { FastifyInstance } from 'fastify';
import { SOURCES } from '../../../frame/layers/resolve-layers.js';

/** `GET /v1/sources`: the renderers that `source` names, and the layers that are looked for, preferred first. */
export function sourcesRoute(app: FastifyInstance): void {
  const sources = SOURCES.map(({ detect: _, detectHost: __, ...source }) => source);
  app.get('/v1/sources', () => ({ sources }));
}
