import { type Block, linesOfPlanes, planesOfLines, sampleWords } from './block.js';
import { damaged } from './damage.js';
import { huffmanDecode } from './huffman.js';
import { huffmanEncode } from './huffman-encode.js';
import { waveletDecode, waveletEncode } from './wavelet.js';

/**
 * PIZ: the words that occur are renumbered without gaps, every plane goes through a Haar wavelet, and all of it through
 * a Huffman coder. Layout: first and last byte of the bitmap of words that occur (uint16 each), those bytes, the length
 * of the Huffman data (int32), the data.
 */
const BITMAP_BYTES = 8192;

/** Decodes a chunk to words in the order of the format. */
export function decodePiz(data: Uint8Array, block: Block, count: number): Uint16Array {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  if (data.length < 4) throw damaged('a PIZ chunk of 8 bytes or more', `${data.length} bytes`);
  const firstByte = view.getUint16(0, true);
  const lastByte = view.getUint16(2, true);
  const bitmap = new Uint8Array(BITMAP_BYTES);
  let position = 4;
  if (firstByte <= lastByte) {
    const length = lastByte - firstByte + 1;
    if (lastByte >= BITMAP_BYTES || position + length > data.length)
      throw damaged('a PIZ bitmap', 'a longer one');
    bitmap.set(data.subarray(position, position + length), firstByte);
    position += length;
  }
  if (position + 4 > data.length) throw damaged('the length of PIZ data', 'the end of the chunk');
  const length = view.getUint32(position, true);
  position += 4;
  if (length > data.length - position)
    throw damaged(`at most ${data.length - position} bytes of PIZ data`, length);

  const { values, maxValue } = valuesOf(bitmap);
  const planes = huffmanDecode(data.subarray(position, position + length), count);
  forEachGrid(block, (grid) => waveletDecode(planes, grid, maxValue));
  for (let i = 0; i < planes.length; i++) planes[i] = values[planes[i] as number] as number;
  return linesOfPlanes(planes, block);
}

/** The inverse of {@link decodePiz}. */
export function encodePiz(lines: Uint16Array, block: Block): Uint8Array {
  const planes = planesOfLines(lines, block);
  const bitmap = new Uint8Array(BITMAP_BYTES);
  for (const word of planes) bitmap[word >>> 3] = (bitmap[word >>> 3] as number) | (1 << (word & 7));
  // The format counts 0 as present and does not store its bit.
  bitmap[0] = (bitmap[0] as number) & ~1;
  const { values, maxValue } = valuesOf(bitmap);
  const numbers = new Uint16Array(65536);
  for (let number = 0; number <= maxValue; number++) numbers[values[number] as number] = number;
  for (let i = 0; i < planes.length; i++) planes[i] = numbers[planes[i] as number] as number;
  forEachGrid(block, (grid) => waveletEncode(planes, grid, maxValue));
  const codes = huffmanEncode(planes);

  const firstByte = bitmap.findIndex((byte) => byte !== 0);
  const lastByte = bitmap.findLastIndex((byte) => byte !== 0);
  const range = firstByte < 0 ? new Uint8Array(0) : bitmap.subarray(firstByte, lastByte + 1);
  const out = new Uint8Array(8 + range.length + codes.length);
  const view = new DataView(out.buffer);
  view.setUint16(0, firstByte < 0 ? BITMAP_BYTES - 1 : firstByte, true);
  view.setUint16(2, firstByte < 0 ? 0 : lastByte, true);
  out.set(range, 4);
  view.setUint32(4 + range.length, codes.length, true);
  out.set(codes, 8 + range.length);
  return out;
}

/** The words that occur in ascending order, 0 always first, and the number of the last. */
function valuesOf(bitmap: Uint8Array): { values: Uint16Array; maxValue: number } {
  const values = new Uint16Array(65536);
  let count = 1;
  for (let word = 1; word < 65536; word++) {
    if (((bitmap[word >>> 3] as number) >>> (word & 7)) & 1) values[count++] = word;
  }
  return { values, maxValue: count - 1 };
}

function forEachGrid(block: Block, visit: (grid: Parameters<typeof waveletDecode>[1]) => void): void {
  const { width, height } = block;
  let offset = 0;
  for (const channel of block.channels) {
    const words = sampleWords(channel);
    for (let word = 0; word < words; word++) {
      visit({ offset: offset + word, width, xStep: words, height, yStep: width * words });
    }
    offset += width * height * words;
  }
}
