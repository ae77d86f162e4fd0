import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { ERROR_TABLE, type ErrorCode, type ErrorDetails, expected, QuietframeError } from '../../errors.js';

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

declare module 'fastify' {
  interface FastifyRequest {
    /** Code of the error that the request was answered with; undefined while there is none. */
    problemCode: ErrorCode | undefined;
  }
}

/** Answer to a request that cannot be served (RFC 9457). */
export interface Problem extends ErrorDetails {
  /** Stable: `urn:quietframe:problem:` and a code of the error table. */
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** Id of the request, as in the header `request-id` and in the log. */
  readonly instance?: string;
}

/** Codes of errors that Fastify itself raises on a request. Whatever is not here is an internal error. */
const CODES_OF_FASTIFY: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: [
    'unsupported-media-type',
    'Expected image/x-exr, multipart/form-data or application/json for Content-Type but received another media type',
  ],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: ['malformed-body', 'Expected as many bytes as Content-Length says'],
  FST_ERR_CTP_BODY_TOO_LARGE: ['too-large', 'The request body is larger than the limits allow'],
  FST_ERR_BAD_URL: ['malformed-request', 'Expected a valid percent-encoding for the path'],
  FST_ERR_MAX_PARAM_LENGTH: ['not-found', 'There is nothing under this path'],
};

/** Codes of errors that Node's HTTP parser raises before there is a request. */
const CODES_OF_PARSER: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'The request did not arrive within the time limit'],
  HPE_HEADER_OVERFLOW: ['malformed-request', 'The header of the request is too long'],
};

/** Errors whose messages are for the log alone, for they may hold paths of this machine, and what clients read instead. */
const HIDDEN: Readonly<Partial<Record<ErrorCode, string>>> = {
  'file-system': 'A file of the service cannot be read or written',
  'model-damaged': 'A model bundle of the service is damaged',
  'device-unavailable': 'A device of the service cannot be used',
};

/** The error that a client gets to see. Everything unforeseen becomes `internal`, without its message. */
export function publicError(error: unknown): QuietframeError {
  if (error instanceof QuietframeError) {
    const hidden = HIDDEN[error.code];
    return hidden === undefined ? error : new QuietframeError(error.code, hidden, {}, { cause: error });
  }
  const code = errorCode(error);
  const known = code === undefined ? undefined : CODES_OF_FASTIFY[code];
  if (known !== undefined) return new QuietframeError(known[0], known[1], {}, { cause: error });
  return new QuietframeError('internal', 'The service failed on this request', {}, { cause: error });
}

/** The problem document of an error. */
export function problemOf(error: QuietframeError, requestId?: string): Problem {
  const { title, status } = ERROR_TABLE[error.code];
  return {
    type: `urn:quietframe:problem:${error.code}`,
    title,
    status,
    detail: error.message,
    ...(requestId === undefined ? {} : { instance: `urn:uuid:${requestId}` }),
    ...error.details,
  };
}

/** Whether an error is the service's own, and one for the log. */
export function isServerError({ status, code }: QuietframeError): boolean {
  return status >= 500 && code !== 'overloaded' && code !== 'not-implemented';
}

/** Answers a failed request with its problem document; internal causes go to the log alone. */
export function handleError(error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): void {
  const shown = publicError(error);
  if (isServerError(shown)) {
    request.log.error({ err: shown.cause ?? shown, code: shown.code }, shown.message);
  }
  request.problemCode = shown.code;
  const { retryAfter } = shown.details;
  if (retryAfter !== undefined) void reply.header('retry-after', retryAfter);
  if (shown.code === 'unauthenticated') void reply.header('www-authenticate', 'Bearer');
  void reply
    .code(shown.status)
    .header('cache-control', 'no-store')
    .type(PROBLEM_MEDIA_TYPE)
    .serializer(JSON.stringify)
    .send(problemOf(shown, request.id));
}

/** Answers a path that does not exist. */
export function handleNotFound(request: FastifyRequest): never {
  const path = request.url.split('?', 1)[0];
  throw new QuietframeError('not-found', expected('a path of this service', 'the request', path));
}

/** The whole HTTP/1.1 answer to bytes that are not a request. */
export function answerToUnparsable(error: unknown): string {
  const code = errorCode(error);
  const [problemCode, detail] = CODES_OF_PARSER[code ?? ''] ?? [
    'malformed-request',
    'Expected an HTTP/1.1 request but received something else',
  ];
  const problem = problemOf(new QuietframeError(problemCode, detail));
  const body = JSON.stringify(problem);
  return [
    `HTTP/1.1 ${problem.status} ${problem.status === 408 ? 'Request Timeout' : 'Bad Request'}`,
    `Content-Type: ${PROBLEM_MEDIA_TYPE}`,
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
    '',
    body,
  ].join('\r\n');
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
