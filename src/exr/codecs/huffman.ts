import { damaged } from './damage.js';
import {
  firstCodes,
  HEADER_BYTES,
  LONG_ZERO_RUN,
  MAX_CODE_LENGTH,
  SHORT_ZERO_RUN,
  SHORTEST_LONG_RUN,
  SYMBOLS,
} from './huffman-code.js';

/** Codes of up to this length are decoded by one look-up. */
const TABLE_BITS = 14;

/** Decodes exactly `count` words. */
export function huffmanDecode(data: Uint8Array, count: number): Uint16Array {
  const words = new Uint16Array(count);
  if (data.length === 0 && count === 0) return words;
  if (data.length < HEADER_BYTES) throw damaged('a Huffman header of 20 bytes', `${data.length} bytes`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const lowest = view.getUint32(0, true);
  const highest = view.getUint32(4, true);
  const bits = view.getUint32(12, true);
  if (lowest >= SYMBOLS || highest >= SYMBOLS || lowest > highest) {
    throw damaged('Huffman symbols in [0, 65536]', `[${lowest}, ${highest}]`);
  }
  const { lengths, end } = readLengths(data, lowest, highest);
  if (bits > 8 * (data.length - end) || bits > 2 ** 31 - 64) {
    throw damaged(`at most ${8 * (data.length - end)} bits of Huffman codes`, bits);
  }
  decodeWords(data.subarray(end), bits, new CodeTable(lengths, lowest, highest), highest, words);
  return words;
}

function readLengths(
  data: Uint8Array,
  lowest: number,
  highest: number,
): { lengths: Uint8Array; end: number } {
  const lengths = new Uint8Array(SYMBOLS);
  let position = HEADER_BYTES * 8;
  const limit = data.length * 8;
  const read = (bits: number): number => {
    if (position + bits > limit) throw damaged('a complete Huffman table', 'a truncated one');
    const value = peek(data, position, bits);
    position += bits;
    return value;
  };
  for (let symbol = lowest; symbol <= highest; ) {
    const length = read(6);
    if (length < SHORT_ZERO_RUN) {
      lengths[symbol++] = length;
    } else {
      symbol += length === LONG_ZERO_RUN ? read(8) + SHORTEST_LONG_RUN : length - SHORT_ZERO_RUN + 2;
      if (symbol > highest + 1) throw damaged('a Huffman table in its range', 'a longer one');
    }
  }
  return { lengths, end: (position + 7) >>> 3 };
}

/** Up to 16 bits from a bit position; bits beyond the end are 0. */
function peek(data: Uint8Array, position: number, bits: number): number {
  const at = position >>> 3;
  const window = ((data[at] ?? 0) << 16) | ((data[at + 1] ?? 0) << 8) | (data[at + 2] ?? 0);
  return (window >>> (24 - bits - (position & 7))) & ((1 << bits) - 1);
}

class CodeTable {
  /** `symbol << 6 | length` by the next 14 bits; 0 where the code is longer or there is none. */
  readonly short = new Uint32Array(1 << TABLE_BITS);
  /** By length: the first code, how many there are, and where their symbols begin in `symbols`. */
  readonly first: Float64Array;
  readonly counts = new Uint32Array(MAX_CODE_LENGTH + 1);
  readonly starts = new Uint32Array(MAX_CODE_LENGTH + 1);
  readonly symbols: Uint32Array;

  constructor(lengths: Uint8Array, lowest: number, highest: number) {
    this.first = firstCodes(lengths);
    for (let symbol = lowest; symbol <= highest; symbol++) {
      const length = lengths[symbol] as number;
      if (length > 0) this.counts[length] = (this.counts[length] as number) + 1;
    }
    let total = 0;
    for (let length = 1; length <= MAX_CODE_LENGTH; length++) {
      this.starts[length] = total;
      total += this.counts[length] as number;
      if ((this.first[length] as number) + (this.counts[length] as number) > 2 ** length) {
        throw damaged('a prefix-free Huffman table', 'codes that overlap');
      }
    }
    this.symbols = new Uint32Array(total);
    const next = this.starts.slice();
    for (let symbol = lowest; symbol <= highest; symbol++) {
      const length = lengths[symbol] as number;
      if (length === 0) continue;
      const index = next[length] as number;
      next[length] = index + 1;
      this.symbols[index] = symbol;
      if (length <= TABLE_BITS) {
        const code = (this.first[length] as number) + index - (this.starts[length] as number);
        const shift = TABLE_BITS - length;
        this.short.fill((symbol << 6) | length, code << shift, (code + 1) << shift);
      }
    }
  }

  /** `symbol * 64 + length` of a code longer than the table's bits. */
  long(data: Uint8Array, position: number): number {
    let code = peek(data, position, TABLE_BITS);
    for (let length = TABLE_BITS + 1; length <= MAX_CODE_LENGTH; length++) {
      code = 2 * code + peek(data, position + length - 1, 1);
      const index = code - (this.first[length] as number);
      if (index >= 0 && index < (this.counts[length] as number)) {
        return (this.symbols[(this.starts[length] as number) + index] as number) * 64 + length;
      }
    }
    throw damaged('codes of the Huffman table', 'an unknown code');
  }
}

function decodeWords(
  data: Uint8Array,
  bits: number,
  table: CodeTable,
  repeatSymbol: number,
  words: Uint16Array,
): void {
  // Zero bytes behind the codes let the hot loop look ahead without a bounds check.
  const padded = new Uint8Array((bits >>> 3) + 16);
  padded.set(data.subarray(0, (bits + 7) >>> 3));
  const short = table.short;
  let position = 0;
  let to = 0;
  while (position < bits) {
    const at = position >>> 3;
    const window =
      ((padded[at] as number) << 16) | ((padded[at + 1] as number) << 8) | (padded[at + 2] as number);
    let entry = short[(window >>> (24 - TABLE_BITS - (position & 7))) & ((1 << TABLE_BITS) - 1)] as number;
    if (entry === 0) entry = table.long(padded, position);
    position += entry & 63;
    const symbol = entry >>> 6;
    if (symbol !== repeatSymbol) {
      if (to >= words.length) throw damaged(`${words.length} Huffman-coded words`, 'more');
      words[to++] = symbol;
    } else {
      const repeats = peek(padded, position, 8);
      position += 8;
      if (to === 0 || to + repeats > words.length)
        throw damaged(`${words.length} Huffman-coded words`, 'more');
      words.fill(words[to - 1] as number, to, to + repeats);
      to += repeats;
    }
  }
  if (position !== bits || to !== words.length) throw damaged(`${words.length} Huffman-coded words`, to);
}
