import { expected, QuietframeError } from '../../errors.js';
import type { Compression } from '../compression.js';
import { decodeB44 } from './b44.js';
import { type Block, blockBytes } from './block.js';
import { damaged } from './damage.js';
import { decodeDwa } from './dwa.js';
import { decodeHtj2k } from './htj2k.js';
import { decodePiz, encodePiz } from './piz.js';
import { decodePxr24 } from './pxr24.js';
import { expandRuns, findRuns } from './rle.js';
import { deflate, inflate, joinBytes, splitBytes } from './zip.js';
import { decodeZstd } from './zstd.js';

/** Lossless compressions that are written. */
export const WRITABLE_COMPRESSIONS = ['none', 'rle', 'zips', 'zip', 'piz'] as const;
export type WritableCompression = (typeof WRITABLE_COMPRESSIONS)[number];

/**
 * Decompresses one chunk to 16-bit words in the order of {@link Block}.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr` for subsampled channels.
 */
export function decodeBlock(compression: Compression, data: Uint8Array, block: Block): Uint16Array {
  const subsampled = block.channels.find((channel) => channel.xSampling !== 1 || channel.ySampling !== 1);
  if (subsampled !== undefined) {
    const range = `a sampling of 1 x 1 for channel ${JSON.stringify(subsampled.name)}`;
    throw new QuietframeError(
      'unsupported-exr',
      expected(range, 'an OpenEXR file', `${subsampled.xSampling} x ${subsampled.ySampling}`),
    );
  }
  const bytes = blockBytes(block);
  // Chunks that would not shrink are stored as they are.
  if (data.length === bytes) return new Uint16Array(new Uint8Array(data).buffer);
  if (data.length > bytes) throw damaged(`at most ${bytes} bytes`, `${data.length} bytes`);
  switch (compression) {
    case 'none':
      throw damaged(`${bytes} bytes`, `${data.length} bytes`);
    case 'rle':
      return joinBytes(expandRuns(data, bytes));
    case 'zips':
    case 'zip':
      return joinBytes(inflate(data, bytes));
    case 'piz':
      return decodePiz(data, block, bytes / 2);
    case 'pxr24':
      return decodePxr24(data, block);
    case 'b44':
    case 'b44a':
      return decodeB44(data, block);
    case 'dwaa':
    case 'dwab':
      return decodeDwa(data, block);
    case 'htj2k256':
    case 'htj2k32':
      return decodeHtj2k(data, block);
    case 'zstd':
      return decodeZstd(data, block);
  }
}

/** Compresses the words of one chunk; what would not shrink is stored as it is. */
export function encodeBlock(compression: WritableCompression, words: Uint16Array, block: Block): Uint8Array {
  const encoded = compress(compression, words, block);
  return encoded !== undefined && encoded.length < 2 * words.length
    ? encoded
    : new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
}

function compress(
  compression: WritableCompression,
  words: Uint16Array,
  block: Block,
): Uint8Array | undefined {
  switch (compression) {
    case 'none':
      return undefined;
    case 'rle':
      return findRuns(splitBytes(words));
    case 'zips':
    case 'zip':
      return deflate(splitBytes(words));
    case 'piz':
      return encodePiz(words, block);
  }
}
