import type { FastifyInstance } from 'fastify';
import { viewerPage } from './viewer.js';

const PAGE = `quietframe: a Monte Carlo render denoiser as a service

  curl --data-binary @noisy.exr -H 'Content-Type: image/x-exr' -o denoised.exr HOST/v1/denoise

  POST /v1/denoise       an OpenEXR frame in, the denoised frame out
  POST /v1/sample-map    an OpenEXR frame in, predicted errors and the next samples per pixel out
  POST /v1/jobs          the same, and whole sequences, to be fetched later
  PUT  /v1/frames/{digest}  keep a frame for requests that name it by digest
  GET  /v1/models        models that are loaded
  GET  /v1/sources       renderers whose layers are known
  GET  /docs             all parameters, answers and errors, for people
  GET  /openapi.json     the same, for programs
  GET  /metrics          figures for Prometheus
  GET  /healthz/ready    200 while work is taken
`;

/** `GET /`: the viewer for browsers, a text for everything else. */
export function homeRoute(app: FastifyInstance): void {
  app.get('/', async (request, reply) => {
    void reply.header('vary', 'accept');
    if (request.accepts().type(['text/plain', 'text/html']) !== 'text/html') {
      return reply.type('text/plain; charset=utf-8').send(PAGE);
    }
    const { page, headers } = await viewerPage();
    return reply.headers(headers).send(page);
  });
}
