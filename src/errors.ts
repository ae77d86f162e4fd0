/**
 * The closed table of errors that quietframe answers with. Every code has one HTTP status and one gRPC status;
 * a code that is not here does not exist. Messages have the form
 * "Expected <range> for <name> but received <value>" and name the file, frame, layer or parameter.
 */
export const ERROR_TABLE = {
  'invalid-argument': { status: 400, grpc: 'INVALID_ARGUMENT', title: 'A parameter is out of range' },
  'unknown-parameter': { status: 400, grpc: 'INVALID_ARGUMENT', title: 'A parameter is not known' },
  'empty-body': { status: 400, grpc: 'INVALID_ARGUMENT', title: 'The request has no body' },
  'malformed-body': { status: 400, grpc: 'INVALID_ARGUMENT', title: 'The request body is malformed' },
  'malformed-request': { status: 400, grpc: 'INVALID_ARGUMENT', title: 'The request is malformed' },
  'request-timeout': { status: 408, grpc: 'DEADLINE_EXCEEDED', title: 'The request took too long to arrive' },
  'malformed-exr': { status: 422, grpc: 'INVALID_ARGUMENT', title: 'The OpenEXR file is damaged' },
  'unsupported-exr': {
    status: 422,
    grpc: 'UNIMPLEMENTED',
    title: 'The OpenEXR file uses a feature that is not supported',
  },
  'missing-layer': { status: 422, grpc: 'FAILED_PRECONDITION', title: 'A layer that is needed is missing' },
  'mismatched-frames': { status: 422, grpc: 'INVALID_ARGUMENT', title: 'Frames that belong together differ' },
  'digest-mismatch': {
    status: 422,
    grpc: 'INVALID_ARGUMENT',
    title: 'The bytes of a frame do not have its digest',
  },
  'missing-frames': { status: 404, grpc: 'NOT_FOUND', title: 'Frames that are named by digest are not kept' },
  'too-large': {
    status: 413,
    grpc: 'RESOURCE_EXHAUSTED',
    title: 'The input is larger than the limits allow',
  },
  'unsupported-media-type': {
    status: 415,
    grpc: 'INVALID_ARGUMENT',
    title: 'The media type is not supported',
  },
  'not-acceptable': {
    status: 406,
    grpc: 'INVALID_ARGUMENT',
    title: 'No representation matches the Accept header',
  },
  'not-found': { status: 404, grpc: 'NOT_FOUND', title: 'There is nothing here' },
  'method-not-allowed': { status: 405, grpc: 'UNIMPLEMENTED', title: 'The method is not allowed here' },
  'unknown-model': { status: 404, grpc: 'NOT_FOUND', title: 'The model is not known' },
  unauthenticated: { status: 401, grpc: 'UNAUTHENTICATED', title: 'The caller is not known' },
  forbidden: { status: 403, grpc: 'PERMISSION_DENIED', title: 'A web page may not do this' },
  'not-finished': { status: 409, grpc: 'FAILED_PRECONDITION', title: 'The job has no result yet' },
  'in-use': { status: 409, grpc: 'FAILED_PRECONDITION', title: 'A job needs the frame' },
  'idempotency-conflict': {
    status: 422,
    grpc: 'ALREADY_EXISTS',
    title: 'The idempotency key was used for another request',
  },
  'range-not-satisfiable': {
    status: 416,
    grpc: 'OUT_OF_RANGE',
    title: 'The range lies outside of the result',
  },
  'too-many-requests': {
    status: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    title: 'The caller has used up its share',
  },
  'deadline-exceeded': {
    status: 504,
    grpc: 'DEADLINE_EXCEEDED',
    title: 'The deadline of the request has passed',
  },
  overloaded: { status: 503, grpc: 'UNAVAILABLE', title: 'The service has no capacity left' },
  cancelled: { status: 499, grpc: 'CANCELLED', title: 'The request was cancelled' },
  'not-implemented': { status: 501, grpc: 'UNIMPLEMENTED', title: 'Not implemented' },
  'model-damaged': { status: 500, grpc: 'DATA_LOSS', title: 'A model bundle is damaged' },
  'device-unavailable': { status: 503, grpc: 'UNAVAILABLE', title: 'A device cannot be used' },
  'file-system': { status: 500, grpc: 'INTERNAL', title: 'A file could not be read or written' },
  internal: { status: 500, grpc: 'INTERNAL', title: 'Internal error' },
} as const satisfies Record<string, { status: number; grpc: string; title: string }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

/** What an error is about; sent to clients, so it never holds paths of the server or stack traces. */
export interface ErrorDetails {
  readonly parameter?: string;
  readonly frame?: string;
  readonly layer?: string;
  /** Digests of frames that have to be sent. */
  readonly missing?: readonly string[];
  /** Whole seconds after which another try may succeed. */
  readonly retryAfter?: number;
}

/** The only error that quietframe throws on purpose. `message` is safe to show to a client; `cause` never is. */
export class QuietframeError extends Error {
  override readonly name = 'QuietframeError';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }

  /** HTTP status of the code. */
  get status(): number {
    return ERROR_TABLE[this.code].status;
  }
}

/** "Expected <range> for <name> but received <value>", with the value shortened to fit a line. */
export function expected(range: string, name: string, received: unknown): string {
  const shown = typeof received === 'string' ? JSON.stringify(received) : String(received);
  return `Expected ${range} for ${name} but received ${shown.length > 80 ? `${shown.slice(0, 77)}...` : shown}`;
}

/**
 * Runs work on a file; errors that do not name a frame name this one.
 * @throws QuietframeError as the work.
 */
export async function withFrameName<T>(frame: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame, ...error.details }, { cause: error });
  }
}

/** An `invalid-argument` error that names the parameter, in the words of {@link expected}. */
export function invalidArgument(range: string, parameter: string, received: unknown): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, parameter, received), { parameter });
}
