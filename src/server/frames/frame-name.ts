import { expected, QuietframeError } from '../../errors.js';

const DIGEST = /^[0-9a-f]{64}$/;
export const NAME = /^(?:[0-9a-f]{16}-)?([0-9a-f]{64})$/;

/** Whether a text is a SHA-256 in lower-case hexadecimal digits. */
export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}

/**
 * The SHA-256 of a frame, as 64 lower-case hexadecimal digits.
 * @throws QuietframeError `invalid-argument` for anything else.
 */
export function parseDigest(text: unknown): string {
  if (typeof text === 'string' && isDigest(text)) return text;
  throw new QuietframeError(
    'invalid-argument',
    expected('64 lower-case hexadecimal digits', 'a digest', text),
    {
      parameter: 'digest',
    },
  );
}

/** Name of a frame in the store: its digest, in the namespace of its owner where there is one (16 hexadecimal digits). */
export function storedName(digest: string, namespace?: string): string {
  return namespace === undefined ? digest : `${namespace}-${digest}`;
}

export function digestOfName(name: string): string {
  return NAME.exec(name)?.[1] ?? name;
}
