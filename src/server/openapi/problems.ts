import { ERROR_TABLE, type ErrorCode } from '../../errors.js';
import { PROBLEM_MEDIA_TYPE } from '../http/problem.js';
import { DIGEST, type Schema } from './schema.js';

/** When a client meets each error, and what to do about it. */
const PROBLEMS: Readonly<Record<ErrorCode, string>> = {
  'invalid-argument': 'A parameter is out of range or given twice; `parameter` names it.',
  'unknown-parameter':
    'The query or the form has a name that does not exist; `parameter` is the name. Nothing is ignored silently.',
  'empty-body': 'The body, or a part of the form, has no bytes.',
  'malformed-body': 'The body is not what its media type says, or the form does not have the parts it needs.',
  'malformed-request': 'The request is not HTTP/1.1, or its path or header cannot be read.',
  'request-timeout':
    'The request did not arrive whole within the time limit, or arrived too slowly. Send it again.',
  'malformed-exr': 'The OpenEXR file is damaged or is none; `frame` names it in a form.',
  'unsupported-exr': 'The OpenEXR file uses deep samples, subsampling or a compression that is not read.',
  'missing-layer': 'The file has no layer that can serve as the noisy colour.',
  'mismatched-frames': 'Frames or half buffers differ in size; `frame` names the first that does.',
  'digest-mismatch': 'The SHA-256 of the bytes is not the digest of the path; `frame` is that digest.',
  'missing-frames':
    'Frames of the request are not kept (any more): put those that `missing` lists, and ask again.',
  'too-large': 'Bytes, pixels, channels or parts are above the limits of the service.',
  'unsupported-media-type':
    'Send image/x-exr, multipart/form-data or application/json, as the operation tells, without a content encoding.',
  'not-acceptable': 'The Accept header has no media type that the service can answer with.',
  'not-found': 'There is nothing under this path.',
  'method-not-allowed': 'The path has other methods, which the Allow header lists.',
  'unknown-model': 'The model or version is not loaded; see /v1/models.',
  unauthenticated: 'The service asks for a bearer token of its own in Authorization.',
  'in-use': 'A job that has not ended needs the frame; delete the job, or wait for it.',
  forbidden:
    'A web page of another site has sent the request, or the service is called by a name that it does not know: see --allowed-hosts.',
  'not-finished': 'The job, or this frame of it, has not ended yet, or was cancelled; see its `state`.',
  'idempotency-conflict': 'The Idempotency-Key belongs to a job that was asked for something else.',
  'range-not-satisfiable': 'The Range begins behind the end of the result.',
  'too-many-requests':
    'The quota of the token is used up, or others need the places that the caller holds. Send the request again after Retry-After seconds.',
  'deadline-exceeded':
    'The seconds of `Prefer: wait`, or those that the service gives to one frame, have passed before the work was done.',
  overloaded:
    'All places are taken, or the service is stopping. Send the request again after Retry-After seconds.',
  cancelled: 'The client went away; seen in the metrics only.',
  'not-implemented': 'The parameter is part of the interface, but this version does not serve the value.',
  'model-damaged': 'The model of the service cannot be used. Its operator has to act.',
  'device-unavailable': 'The device of the service does not work. Its operator has to act.',
  'file-system': 'The service cannot use its files. Its operator has to act.',
  internal: 'The service failed. The log has the cause under the id in `instance`.',
};

const RETRY_AFTER: Schema = { description: 'Seconds.', schema: { type: 'integer', minimum: 1 } };

/** What any request can be answered with. */
export const ALWAYS = ['malformed-request', 'request-timeout', 'internal'] as const;
/** And any that does work. */
export const GUARDED = [...ALWAYS, 'unauthenticated', 'forbidden', 'too-many-requests'] as const;
/** And any that takes a place. */
export const QUEUED = [...GUARDED, 'overloaded', 'deadline-exceeded', 'cancelled'] as const;

/** What a request to denoise can be answered with. */
export const REFUSALS = [
  'invalid-argument',
  'unknown-parameter',
  'empty-body',
  'malformed-body',
  'malformed-exr',
  'unsupported-exr',
  'missing-layer',
  'mismatched-frames',
  'too-large',
  'unsupported-media-type',
  'not-acceptable',
  'unknown-model',
  'missing-frames',
  'method-not-allowed',
  'not-implemented',
  'model-damaged',
  'device-unavailable',
  'file-system',
  ...QUEUED,
] as const;

/** Answers of an operation that are problems, by status. */
export function problems(...codes: ErrorCode[]): Record<string, Schema> {
  const statuses = [...new Set(codes.map((code) => ERROR_TABLE[code].status))].sort((a, b) => a - b);
  return Object.fromEntries(
    statuses.map((status) => {
      const own = codes.filter((code) => ERROR_TABLE[code].status === status);
      return [
        String(status),
        {
          description: own.map((code) => `\`${code}\`: ${PROBLEMS[code]}`).join('\n\n'),
          ...(own.some((code) => code === 'overloaded' || code === 'too-many-requests')
            ? { headers: { 'Retry-After': RETRY_AFTER } }
            : {}),
          content: { [PROBLEM_MEDIA_TYPE]: { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      ];
    }),
  );
}

/** A problem document (RFC 9457). */
export const PROBLEM = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail'],
  properties: {
    type: { enum: Object.keys(PROBLEMS).map((code) => `urn:quietframe:problem:${code}`) },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string', format: 'uri', description: 'Id of the request.' },
    parameter: { type: 'string' },
    frame: { type: 'string' },
    layer: { type: 'string' },
    missing: { type: 'array', items: DIGEST, description: 'Frames that have to be sent.' },
    retryAfter: { type: 'integer', description: 'Seconds, as the Retry-After header.' },
  },
} as const satisfies Schema;
