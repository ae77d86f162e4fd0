import { QuietframeError } from '../errors.js';

/** Errors of the workflow name a frame; the user knows files. */
export function withFile(error: unknown, input: string, halfB: string | undefined): unknown {
  if (!(error instanceof QuietframeError) || error.details.frame === undefined) return error;
  const file = error.details.frame === 'half_b' ? (halfB ?? input) : input;
  return new QuietframeError(error.code, `${file}: ${error.message}`, error.details, { cause: error });
}
