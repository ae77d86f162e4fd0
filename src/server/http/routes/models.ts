import type { FastifyInstance } from 'fastify';
import type { AppContext } from '../../context.js';
import { findModel } from '../denoise-query.js';

/** `GET /v1/models` and `GET /v1/models/{name}`, the name with or without `@version`. */
export function modelRoutes(app: FastifyInstance, { deps }: AppContext): void {
  app.get('/v1/models', () => ({ models: deps.denoiser.models }));
  app.get<{ Params: { name: string } }>('/v1/models/:name', ({ params }) =>
    findModel(params.name, deps.denoiser.models),
  );
}
