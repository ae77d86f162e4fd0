import { expected, QuietframeError } from '../errors.js';
import { boxHeight, boxWidth, type SampleType } from '../image/image.js';
import { type Block, lineWords, sampleWords } from './codecs/block.js';
import { decodeBlock, encodeBlock, type WritableCompression } from './codecs/codec.js';
import { FLOAT_BITS_OF_HALF, halfOfFloatBits } from './codecs/half.js';
import { LINES_PER_CHUNK } from './compression.js';
import type { ExrChannel, ExrChunk, ExrPart } from './layout.js';
import { unreadableError } from './unreadable-part.js';

/**
 * Samples of one channel over the data window, row-major, with the bits of the file: one 16-bit word for a half, two
 * (low word first, the order of every machine that Node runs on) for a float or uint.
 */
export type Words = Uint16Array;

/**
 * Decodes the named channels of a part.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`; the message names part and chunk.
 */
export function decodePart(
  bytes: Uint8Array,
  part: ExrPart,
  names: ReadonlySet<string>,
): ReadonlyMap<string, Words> {
  const width = boxWidth(part.dataWindow);
  const height = boxHeight(part.dataWindow);
  const planes = new Map<string, Words>();
  if (names.size === 0) return planes;
  if (part.unreadable !== undefined) {
    throw unreadableError(part.unreadable, `part ${part.index} ${JSON.stringify(part.name)}`);
  }
  for (const channel of part.channels) {
    if (names.has(channel.name))
      planes.set(channel.name, new Uint16Array(width * height * sampleWords(channel)));
  }
  for (const chunk of part.chunks) {
    const block: Block = { width: chunk.width, height: chunk.height, channels: part.channels };
    const words = decodeChunk(bytes, part, chunk);
    const stride = lineWords(block);
    let column = 0;
    for (const channel of part.channels) {
      const size = sampleWords(channel);
      const length = chunk.width * size;
      const plane = planes.get(channel.name);
      if (plane !== undefined) {
        for (let y = 0; y < chunk.height; y++) {
          const from = y * stride + column;
          plane.set(words.subarray(from, from + length), ((chunk.y + y) * width + chunk.x) * size);
        }
      }
      column += length;
    }
  }
  return planes;
}

/**
 * Decodes one chunk with all its channels, in the order of {@link Block}.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`; the message names part and chunk.
 */
export function decodeChunk(bytes: Uint8Array, part: ExrPart, chunk: ExrChunk): Words {
  const block: Block = { width: chunk.width, height: chunk.height, channels: part.channels };
  try {
    return decodeBlock(part.compression, bytes.subarray(chunk.offset, chunk.offset + chunk.length), block);
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    const place = `part ${part.index} ${JSON.stringify(part.name)}, chunk at (${chunk.x}, ${chunk.y})`;
    throw new QuietframeError(error.code, `${error.message} (${place})`, error.details, { cause: error });
  }
}

/**
 * Compresses lines to chunks of scan lines from the top. Samples of one chunk are in memory at a time.
 * @param fill writes the samples of a line, channel after channel; lines are asked for from the top.
 */
export function encodeLines(
  channels: readonly ExrChannel[],
  width: number,
  height: number,
  compression: WritableCompression,
  fill: (y: number, line: Words) => void,
): Uint8Array[] {
  const lines = LINES_PER_CHUNK[compression];
  const chunks: Uint8Array[] = [];
  const stride = lineWords({ width, height: 1, channels });
  // Used for every chunk: the collector would free those of earlier chunks late.
  const buffer = new Uint16Array(stride * Math.min(lines, height));
  for (let top = 0; top < height; top += lines) {
    const block: Block = { width, height: Math.min(lines, height - top), channels };
    const words = buffer.subarray(0, stride * block.height);
    for (let y = 0; y < block.height; y++) fill(top + y, words.subarray(y * stride, (y + 1) * stride));
    const encoded = encodeBlock(compression, words, block);
    chunks.push(encoded.buffer === words.buffer ? encoded.slice() : encoded);
  }
  return chunks;
}

/** Samples as numbers: halves are widened exactly, floats and uints share the memory of the words. */
export function valuesOfWords(words: Words, type: SampleType): Float32Array | Uint32Array {
  if (type === 'uint') return new Uint32Array(words.buffer, words.byteOffset, words.length / 2);
  if (type === 'float') return new Float32Array(words.buffer, words.byteOffset, words.length / 2);
  const values = new Float32Array(words.length);
  const bits = new Uint32Array(values.buffer);
  for (let i = 0; i < words.length; i++) bits[i] = FLOAT_BITS_OF_HALF[words[i] as number] as number;
  return values;
}

/** @throws QuietframeError `invalid-argument` when the values are not `pixels` numbers of the array type for the samples. */
export function checkValues(
  values: Float32Array | Uint32Array,
  type: SampleType,
  pixels: number,
  name: string,
): void {
  const arrayType = type === 'uint' ? Uint32Array : Float32Array;
  if (values instanceof arrayType && values.length === pixels) return;
  const received = `a ${values.constructor.name} of ${values.length}`;
  const range = `a ${arrayType.name} of ${pixels} values`;
  throw new QuietframeError('invalid-argument', expected(range, name, received));
}

/** The inverse of {@link valuesOfWords}; float32 is rounded to the nearest half, see {@link halfOfFloatBits}. */
export function wordsOfValues(values: Float32Array | Uint32Array, type: SampleType): Words {
  if (type !== 'half') return new Uint16Array(values.buffer, values.byteOffset, 2 * values.length);
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const words = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) words[i] = halfOfFloatBits(bits[i] as number);
  return words;
}
