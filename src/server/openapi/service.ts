import type { ErrorCode } from '../../errors.js';
import { ALWAYS, GUARDED, problems } from './problems.js';
import { json, type Schema } from './schema.js';

/** Paths about the service itself. */
export const SERVICE_PATHS = {
  '/v1/models': get(
    'listModels',
    'Models that are loaded',
    json('Models.', {
      type: 'object',
      required: ['models'],
      properties: { models: { type: 'array', items: { $ref: '#/components/schemas/Model' } } },
    }),
  ),
  '/v1/models/{name}': {
    parameters: [
      {
        name: 'name',
        in: 'path',
        required: true,
        description: 'NAME, which means its newest version, or NAME@VERSION.',
        schema: { type: 'string' },
      },
    ],
    ...get(
      'getModel',
      'A model',
      json('The model.', { $ref: '#/components/schemas/Model' }),
      'unknown-model',
    ),
  },
  '/v1/sources': get(
    'listSources',
    'Renderers whose layers are known, and the layers that are looked for',
    json('Renderers.', {
      type: 'object',
      required: ['sources'],
      properties: {
        sources: {
          type: 'array',
          items: {
            type: 'object',
            required: ['name', 'description', 'roles'],
            properties: {
              name: { type: 'string' },
              description: { type: 'string' },
              roles: {
                type: 'object',
                additionalProperties: { type: 'array', items: { type: 'string' } },
              },
            },
          },
        },
      },
    }),
  ),
  '/healthz/live': probe('live', '200 while the event loop turns'),
  '/healthz/startup': probe('startup', '200 once warm-up is done'),
  '/healthz/ready': probe('ready', '200 while work is taken: after warm-up, before the service stops'),
  '/metrics': get('metrics', 'Figures for Prometheus', {
    description: 'Prometheus text format.',
    content: { 'text/plain': { schema: { type: 'string' } } },
  }),
  '/openapi.json': get('openapi', 'This description', json('OpenAPI 3.1.', { type: 'object' })),
  '/docs': get('docs', 'This description, for people', {
    description: 'A page without scripts.',
    content: { 'text/html': { schema: { type: 'string' } } },
  }),
  '/': get('home', 'The viewer, for browsers', {
    description: 'What this is; the viewer for browsers.',
    content: { 'text/plain': { schema: { type: 'string' } }, 'text/html': { schema: { type: 'string' } } },
  }),
} as const satisfies Schema;

export const SERVICE_SCHEMAS = {
  Phase: {
    type: 'object',
    required: ['phase'],
    properties: { phase: { enum: ['starting', 'ready', 'draining'] } },
  },
  Model: {
    type: 'object',
    required: ['name', 'version'],
    properties: {
      name: { type: 'string' },
      version: { type: 'integer' },
      description: { type: 'string' },
      license: { type: 'string' },
      architecture: { type: 'object' },
      sources: { type: 'array', items: { type: 'string' }, description: 'Source encoders.' },
      training: { type: 'object' },
      device: {
        type: 'string',
        description: 'What filters frames, alone and in windows: `cpu`, `webgpu`, `cuda` or `tensorrt`.',
      },
    },
  },
} as const satisfies Schema;

function get(operationId: string, summary: string, good: Schema, ...codes: ErrorCode[]): Schema {
  return {
    get: {
      operationId,
      summary,
      responses: { 200: good, ...problems(...codes, 'not-found', 'method-not-allowed', ...GUARDED) },
    },
  };
}

function probe(operationId: string, summary: string): Schema {
  const phase = json('The phase of the service.', { $ref: '#/components/schemas/Phase' });
  return {
    get: {
      operationId,
      summary,
      responses: { 200: phase, 503: phase, ...problems('method-not-allowed', ...ALWAYS) },
    },
  };
}
