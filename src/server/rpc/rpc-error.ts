import { Code, ConnectError } from '@connectrpc/connect';
import { ERROR_TABLE, type ErrorCode, expected, QuietframeError } from '../../errors.js';
import { ProblemSchema } from '../gen/quietframe/v1/denoiser_pb.js';
import { problemOf, publicError } from '../http/problem.js';

const STATUS: Readonly<Record<(typeof ERROR_TABLE)[ErrorCode]['grpc'], Code>> = {
  INVALID_ARGUMENT: Code.InvalidArgument,
  DEADLINE_EXCEEDED: Code.DeadlineExceeded,
  UNIMPLEMENTED: Code.Unimplemented,
  FAILED_PRECONDITION: Code.FailedPrecondition,
  RESOURCE_EXHAUSTED: Code.ResourceExhausted,
  NOT_FOUND: Code.NotFound,
  UNAVAILABLE: Code.Unavailable,
  CANCELLED: Code.Canceled,
  DATA_LOSS: Code.DataLoss,
  INTERNAL: Code.Internal,
  UNAUTHENTICATED: Code.Unauthenticated,
  PERMISSION_DENIED: Code.PermissionDenied,
  ALREADY_EXISTS: Code.AlreadyExists,
  OUT_OF_RANGE: Code.OutOfRange,
};

/**
 * The error that a client of the gRPC interface gets: status by the error table, and the problem document as its detail.
 * Everything unforeseen becomes `internal`, without its message.
 */
export function rpcError(error: unknown): ConnectError {
  const shown = publicError(error);
  const { retryAfter } = shown.details;
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  const value = problemMessage(shown);
  const status = STATUS[ERROR_TABLE[shown.code].grpc];
  return new ConnectError(value.detail, status, headers, [{ desc: ProblemSchema, value }], shown);
}

/** The problem document of an error as a message. */
export function problemMessage(error: QuietframeError) {
  const { type, title, detail, parameter = '', frame = '', layer = '', missing = [] } = problemOf(error);
  return { type, title, detail, parameter, frame, layer, missing: [...missing] };
}

/**
 * What goes wrong while the messages of a client are read, in the terms of the error table.
 * @param signal the call's: it tells a deadline that has passed from a client that is gone.
 */
export function readError(error: unknown, signal: AbortSignal): QuietframeError {
  if (error instanceof QuietframeError) return error;
  if (signal.aborted) return abortError(signal);
  if (error instanceof ConnectError) {
    if (error.code === Code.ResourceExhausted) {
      const message = expected('a message within the limits', 'the call', 'a larger one');
      return new QuietframeError('too-large', message, {}, { cause: error });
    }
    if (error.code === Code.Canceled || error.code === Code.Aborted) return abortError(signal, error);
    if (error.code === Code.Unimplemented) {
      const message = expected('identity', 'grpc-encoding', 'another encoding');
      return new QuietframeError('not-implemented', message, {}, { cause: error });
    }
    if (error.code === Code.Internal || error.code === Code.InvalidArgument) {
      const message = expected('messages of the service definition', 'the call', 'something else');
      return new QuietframeError('malformed-body', message, {}, { cause: error });
    }
  }
  return publicError(error);
}

/** Why a call was aborted: its deadline has passed, or its client or the service ended it. */
export function abortError(signal: AbortSignal, cause: unknown = signal.reason): QuietframeError {
  const { reason } = signal;
  if (reason instanceof ConnectError && reason.code === Code.DeadlineExceeded) {
    return new QuietframeError('deadline-exceeded', 'The deadline of the call has passed', {}, { cause });
  }
  if (reason instanceof QuietframeError) return reason;
  return new QuietframeError('cancelled', 'The call was cancelled', {}, { cause });
}
