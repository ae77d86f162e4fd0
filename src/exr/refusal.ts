import { expected, QuietframeError } from '../errors.js';

/** The file breaks the format. */
export function malformed(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('malformed-exr', expected(range, name, received));
}

/** The file is shorter than it says, as after a crash of the renderer or an unfinished copy. */
export function cutOff(name: string): QuietframeError {
  const message = `The file ended before the end of ${name}: it is cut off or damaged, render it again`;
  return new QuietframeError('malformed-exr', message);
}

/** The file is valid and holds what is not read here. */
export function unsupported(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('unsupported-exr', expected(range, name, received));
}

/** @throws QuietframeError `too-large`. */
export function checkLimit(value: number, limit: number, name: string): void {
  if (value > limit) throw new QuietframeError('too-large', expected(`at most ${limit}`, name, value));
}
