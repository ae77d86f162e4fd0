import type { QuietframeError } from '../errors.js';
import { unsupported } from './refusal.js';

/** Why the samples of a part cannot be decoded: the message of the error names what was expected and what is there. */
export interface UnreadablePart {
  readonly expected: string;
  /** What of the part is not as expected, where it is not the part as a whole. */
  readonly property?: string;
  readonly received: string;
}

/** The error about samples that cannot be decoded. @param part what the message calls the part. */
export function unreadableError(
  { expected: range, property, received }: UnreadablePart,
  part: string,
): QuietframeError {
  return unsupported(range, property === undefined ? part : `the ${property} of ${part}`, received);
}
