import { deflateSync, inflateSync } from 'node:zlib';
import { damaged } from './damage.js';

/** Level 4 writes renders within a few percent of the size of level 6 in about half the time. */
const LEVEL = 4;

/** Bytes of the buffers that deflated data is written to: of a chunk that shrinks well, little is needed. */
const MOST_AT_ONCE = 2 ** 20;

/** Inflates exactly `length` bytes; a stream that holds more or less is damaged and is given up at that length. */
export function inflate(data: Uint8Array, length: number): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = inflateSync(data, { maxOutputLength: Math.max(1, length), chunkSize: Math.max(64, length + 1) });
  } catch (cause) {
    throw damaged(`a deflate stream of ${length} bytes`, 'one that does not inflate to that', cause);
  }
  if (bytes.length !== length) throw damaged(`a deflate stream of ${length} bytes`, `${bytes.length} bytes`);
  return bytes;
}

export function deflate(data: Uint8Array): Uint8Array {
  const chunkSize = Math.min(Math.max(1024, data.length), MOST_AT_ONCE);
  // A view would keep the whole buffer, which may be as large as the data.
  return new Uint8Array(deflateSync(data, { level: LEVEL, memLevel: 9, chunkSize }));
}

/**
 * Undoes what ZIP and RLE do before they compress: low and high bytes are split into two halves, and every byte but
 * the first is stored as the difference to the one before, plus 128. `bytes` is overwritten.
 */
export function joinBytes(bytes: Uint8Array): Uint16Array {
  const count = bytes.length >>> 1;
  const words = new Uint16Array(count);
  let value = 128;
  for (let i = 0; i < count; i++) {
    value = (value + (bytes[i] as number) - 128) & 255;
    bytes[i] = value;
  }
  for (let i = 0; i < count; i++) {
    value = (value + (bytes[count + i] as number) - 128) & 255;
    words[i] = (bytes[i] as number) | (value << 8);
  }
  return words;
}

/** The inverse of {@link joinBytes}, both halves in one pass: the high bytes begin with the difference to the last low byte. */
export function splitBytes(words: Uint16Array): Uint8Array {
  const count = words.length;
  const bytes = new Uint8Array(2 * count);
  let previous = 128 | ((words[count - 1] ?? 0) << 8);
  for (let i = 0; i < count; i++) {
    const word = words[i] as number;
    // Stores keep the low 8 bits.
    bytes[i] = word - previous + 128;
    bytes[count + i] = (word >>> 8) - (previous >>> 8) + 128;
    previous = word;
  }
  return bytes;
}
