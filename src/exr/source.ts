import { digestOf } from '../io/sha256.js';
import { readLayout } from './header.js';
import type { ExrLayout } from './layout.js';
import type { ExrLimits } from './limits.js';

/**
 * An OpenEXR file whose header was read. It is made where the file comes in, and travels instead of the bytes: nothing behind
 * it reads the header again.
 */
export interface ExrSource {
  readonly bytes: Uint8Array;
  readonly header: ExrLayout;
  /** What errors call the file. */
  readonly name: string;
  /** SHA-256 of the bytes in lower-case hexadecimal digits, computed when it is first asked for. */
  readonly sha256: () => Promise<string>;
}

/** What is known of a file before its header is read. */
export interface SourceOptions {
  /** `frame` by default. */
  readonly name?: string;
  readonly sha256?: string;
  readonly limits?: Partial<ExrLimits>;
}

/**
 * Reads the header of a file: attributes, windows and channels. The positions of its chunks are checked where they are read.
 * @throws QuietframeError as `readLayout`.
 */
export function openSource(
  bytes: Uint8Array,
  { name = 'frame', sha256, limits }: SourceOptions = {},
): ExrSource {
  const header = readLayout(bytes, limits);
  let digest = sha256 === undefined ? undefined : Promise.resolve(sha256);
  return {
    ...{ bytes, header, name },
    sha256: () => {
      digest ??= digestOf(bytes);
      return digest;
    },
  };
}
