import { MAX_WINDOW } from '../../limits.js';
import { EXR_MEDIA_TYPE, JSON_MEDIA_TYPE } from '../http/exr-body.js';
import { aovProperties } from './denoise.js';
import { queryParameters, TERMS } from './parameters.js';
import type { Schema } from './schema.js';

/** What the description of jobs takes from that of everything else. */
interface Parts {
  /** Of `POST /v1/denoise`. */
  readonly requestBody: { readonly content: Readonly<Record<string, Schema>> };
  readonly digest: Schema;
  readonly binary: Schema;
  /** Answers that any request about a job can get; `more` are the codes of others. */
  readonly problems: (...more: ('not-finished' | 'range-not-satisfiable' | 'not-acceptable')[]) => Schema;
  /** Answers of a request for a job, which has all errors of its frame as well. */
  readonly refusals: Schema;
}

const STATUS: Schema = { $ref: '#/components/schemas/Job' };
const ID: Schema = { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };

function header(name: string, description: string): Schema {
  return { name, in: 'header', description, schema: { type: 'string' } };
}

/** The paths of `/v1/jobs`. */
export function jobPaths({ requestBody, digest, binary, problems, refusals }: Parts) {
  const status = { description: 'The job.', content: { [JSON_MEDIA_TYPE]: { schema: STATUS } } };
  const result = (operationId: string, summary: string): Schema => ({
    get: {
      operationId,
      summary,
      description: 'A job whose frame failed answers with its problem: any of those of `POST /v1/denoise`.',
      parameters: [
        header('range', 'One range of bytes.'),
        header('if-range', 'The ETag of the part that is there already.'),
        header('if-none-match', 'ETags that are there already.'),
      ],
      responses: {
        200: {
          description: 'The denoised frame, or its report, by Accept.',
          headers: { ETag: { description: 'SHA-256 of the file.', schema: { type: 'string' } } },
          content: {
            [EXR_MEDIA_TYPE]: { schema: binary },
            [JSON_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Report' } },
          },
        },
        206: { description: 'The range.', content: { [EXR_MEDIA_TYPE]: { schema: binary } } },
        304: { description: 'The client has it.' },
        ...problems('not-finished', 'range-not-satisfiable', 'not-acceptable'),
      },
    },
  });
  return {
    '/v1/jobs': {
      post: {
        operationId: 'createJob',
        summary: 'Denoise later: a frame, a sequence, a list of windows',
        parameters: [
          header(
            'idempotency-key',
            'A request with a key that was used before answers with the job of then.',
          ),
          {
            name: 'webhook',
            in: 'query',
            description: 'URL that gets the status when the job has ended. Its host is one of the service.',
            schema: { type: 'string', format: 'uri', maxLength: 2048 },
          },
          {
            name: 'progressive',
            in: 'query',
            description:
              'Frames can be seen while they are worked on: the status of a running frame has a `partial`. It takes 16 bytes a pixel.',
            schema: { enum: ['true', 'false'], default: 'false' },
          },
          ...TERMS,
          ...queryParameters('job'),
        ],
        requestBody: {
          required: true,
          content: {
            ...requestBody.content,
            [JSON_MEDIA_TYPE]: {
              schema: {
                type: 'object',
                description:
                  'Frames that are kept, by digest: those of one window, as for `POST /v1/denoise`; a sequence, of which each frame is denoised; or windows. Parameters of the query may stand beside them.',
                properties: {
                  frames: { type: 'array', items: digest },
                  halves: { type: 'array', items: digest, minItems: 2, maxItems: 2 },
                  ...aovProperties(digest),
                  sequence: { type: 'array', items: digest, minItems: 1 },
                  window: { enum: [1, 3, 5, 7], default: 7, description: 'Frames of a sequence together.' },
                  windows: {
                    type: 'array',
                    minItems: 1,
                    items: {
                      type: 'object',
                      properties: {
                        frames: { type: 'array', items: digest },
                        halves: { type: 'array', items: digest, minItems: 2, maxItems: 2 },
                        ...aovProperties(digest, MAX_WINDOW),
                        center: { type: 'integer', minimum: 0 },
                      },
                      additionalProperties: false,
                    },
                  },
                },
                additionalProperties: { type: ['string', 'number', 'array'] },
              },
            },
          },
        },
        responses: {
          202: {
            ...status,
            headers: { Location: { description: 'Where the job is.', schema: { type: 'string' } } },
          },
          ...refusals,
        },
      },
      get: {
        operationId: 'listJobs',
        summary: 'Jobs of the caller, without their frames',
        responses: {
          200: {
            description: 'Jobs, the oldest first.',
            content: {
              [JSON_MEDIA_TYPE]: {
                schema: {
                  type: 'object',
                  required: ['jobs'],
                  properties: { jobs: { type: 'array', items: STATUS } },
                },
              },
            },
          },
          ...problems(),
        },
      },
    },
    '/v1/jobs/{id}': {
      parameters: [ID],
      get: {
        operationId: 'getJob',
        summary: 'Where a job stands',
        responses: { 200: status, ...problems() },
      },
      delete: {
        operationId: 'deleteJob',
        summary: 'Cancel a job, or forget one that has ended',
        responses: { 204: { description: 'It is cancelled, or gone.' }, ...problems() },
      },
    },
    '/v1/jobs/{id}/events': {
      parameters: [ID],
      get: {
        operationId: 'watchJob',
        summary: 'Server-sent events: `progress`, and `end` at last',
        description:
          'Each event has the status of the job, with those of its frames that have changed since the event before it.',
        parameters: [header('last-event-id', 'Id of the last event that was seen.')],
        responses: {
          200: {
            description: 'Events.',
            content: { 'text/event-stream': { schema: { type: 'string' } } },
          },
          204: { description: 'The job has ended, and the client knows.' },
          ...problems(),
        },
      },
    },
    '/v1/jobs/{id}/partials/{index}': {
      parameters: [
        ID,
        { name: 'index', in: 'path', required: true, schema: { type: 'integer', minimum: 0 } },
      ],
      get: {
        operationId: 'getFramePartial',
        summary: 'A frame of a progressive job while it is worked on',
        description:
          'Color as an OpenEXR file with channels R, G, B, and A, which is 1 where it is denoised and 0 where it is still noisy. It is the finest scale before the others are blended with it: the result differs a little.',
        responses: {
          200: { description: 'What is there.', content: { [EXR_MEDIA_TYPE]: { schema: binary } } },
          ...problems(),
        },
      },
    },
    '/v1/jobs/{id}/result': { parameters: [ID], ...result('getResult', 'The result of a job of one frame') },
    '/v1/jobs/{id}/results/{index}': {
      parameters: [
        ID,
        { name: 'index', in: 'path', required: true, schema: { type: 'integer', minimum: 0 } },
      ],
      ...result('getFrameResult', 'The result of a frame of a job'),
    },
  };
}

/** Schema of a job's status. */
export const JOB_SCHEMA: Schema = {
  type: 'object',
  required: ['id', 'state', 'progress', 'created', 'total', 'done', 'failed'],
  properties: {
    id: { type: 'string', format: 'uuid' },
    state: { enum: ['queued', 'running', 'done', 'failed', 'cancelled'] },
    progress: { type: 'number', minimum: 0, maximum: 1, description: 'Never falls; 1 when all is done.' },
    created: { type: 'string', format: 'date-time' },
    total: { type: 'integer' },
    done: { type: 'integer' },
    failed: { type: 'integer' },
    frames: {
      type: 'array',
      items: {
        type: 'object',
        required: ['index', 'state'],
        properties: {
          index: { type: 'integer' },
          state: { enum: ['queued', 'running', 'done', 'failed', 'cancelled'] },
          progress: { type: 'number' },
          partial: { type: 'string', description: 'Path of what is there of a running frame.' },
          result: { type: 'string', description: 'Path of the result.' },
          digest: { type: 'string', description: 'SHA-256 of the result, which is a frame that is kept.' },
          bytes: { type: 'integer' },
          model: { type: 'string' },
          device: { type: 'string' },
          warnings: { type: 'array', items: { type: 'string' } },
          error: { $ref: '#/components/schemas/Problem' },
        },
      },
    },
  },
};
