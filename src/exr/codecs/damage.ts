import { expected, QuietframeError } from '../../errors.js';

/**
 * A `malformed-exr` error about the chunk that is being decoded. The codecs do not know which chunk that is:
 * `read-exr` names part and position.
 */
export function damaged(range: string, received: unknown, cause?: unknown): QuietframeError {
  return new QuietframeError(
    'malformed-exr',
    expected(range, 'the compressed samples', received),
    {},
    { cause },
  );
}
