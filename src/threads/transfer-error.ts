import { type ErrorCode, type ErrorDetails, QuietframeError } from '../errors.js';

/** An error as structured cloning can carry it between threads. Without `known`, nobody threw it on purpose. */
export interface TransferredError {
  readonly known?: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly details: ErrorDetails;
  };
  /** The stack of the reason, for logs. */
  readonly cause?: string;
}

/** The error for another thread. Structured cloning keeps neither the class nor the fields of an error. */
export function packError(error: unknown): TransferredError {
  if (!(error instanceof QuietframeError)) return { cause: stackOf(error) };
  const { code, message, details, cause } = error;
  return { known: { code, message, details }, ...(cause !== undefined && { cause: stackOf(cause) }) };
}

/**
 * The error that another thread has packed.
 * @param unknown message of the `internal` error that stands for one that nobody threw on purpose.
 */
export function unpackError({ known, cause }: TransferredError, unknown: string): QuietframeError {
  if (known === undefined) return new QuietframeError('internal', unknown, {}, { cause });
  return new QuietframeError(known.code, known.message, known.details, { cause });
}

function stackOf(error: unknown): string {
  return String(error instanceof Error ? (error.stack ?? error) : error);
}
