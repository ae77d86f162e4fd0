import { QuietframeError } from '../errors.js';

/** Errors of the workflow name a frame; the user knows files. */
export function withFile(error: unknown, input: string, halfB: string | undefined, guide?: string): unknown {
  if (!(error instanceof QuietframeError) || error.details.frame === undefined) return error;
  const named = { half_b: halfB, guide }[error.details.frame];
  const file = named ?? input;
  return new QuietframeError(error.code, `${file}: ${error.message}`, error.details, { cause: error });
}
