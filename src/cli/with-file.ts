import { QuietframeError } from '../errors.js';

/**
 * Errors of the workflow name a frame; the user knows files.
 * @param others files other than the input, by what the workflow calls them.
 */
export function withFile(
  error: unknown,
  input: string,
  others: Readonly<Record<string, string | undefined>> = {},
): unknown {
  if (!(error instanceof QuietframeError) || error.details.frame === undefined) return error;
  const file = others[error.details.frame] ?? input;
  return new QuietframeError(error.code, `${file}: ${error.message}`, error.details, { cause: error });
}
