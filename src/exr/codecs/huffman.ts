import { damaged } from './damage.js';

/**
 * The Huffman coding of 16-bit words that PIZ and DWA share: canonical codes, the longest first, with one extra symbol
 * (the highest of the table) that repeats the last word up to 255 times.
 * Layout: lowest symbol, highest symbol, table bytes, code bits, 0 (each uint32), code lengths in 6 bits each, codes.
 */
const SYMBOLS = 65537;
const MAX_CODE_LENGTH = 58;
const HEADER_BYTES = 20;
/** Code lengths from here on stand for runs of symbols without a code. */
const SHORT_ZERO_RUN = 59;
const LONG_ZERO_RUN = 63;
const SHORTEST_LONG_RUN = 2 + LONG_ZERO_RUN - SHORT_ZERO_RUN;
const LONGEST_RUN = 255 + SHORTEST_LONG_RUN;
const MAX_REPEATS = 255;
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

/**
 * First code of every length. Codes count up within a length and start at 0 with the longest, so every code is below
 * 2^17, however long it is.
 */
function firstCodes(lengths: Uint8Array): Float64Array {
  const first = new Float64Array(MAX_CODE_LENGTH + 2);
  for (const length of lengths) first[length] = (first[length] as number) + 1;
  let code = 0;
  for (let length = MAX_CODE_LENGTH; length > 0; length--) {
    const next = Math.floor((code + (first[length] as number)) / 2);
    first[length] = code;
    code = next;
  }
  return first;
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

/** The inverse of {@link huffmanDecode}. */
export function huffmanEncode(words: Uint16Array): Uint8Array {
  if (words.length === 0) return new Uint8Array(0);
  const counts = new Float64Array(SYMBOLS);
  for (const word of words) counts[word] = (counts[word] as number) + 1;
  let lowest = 0;
  while (counts[lowest] === 0) lowest++;
  let highest = SYMBOLS - 1;
  while (counts[highest] === 0) highest--;
  const repeatSymbol = ++highest;
  counts[repeatSymbol] = 1;

  const lengths = codeLengths(counts);
  const next = firstCodes(lengths);
  const codes = new Uint32Array(SYMBOLS);
  for (let symbol = lowest; symbol <= highest; symbol++) {
    const length = lengths[symbol] as number;
    if (length === 0) continue;
    codes[symbol] = next[length] as number;
    next[length] = (next[length] as number) + 1;
  }

  const writer = new BitWriter(words.length * 2 + 1024);
  writeLengths(writer, lengths, lowest, highest);
  writer.align();
  const tableBytes = writer.length;
  const repeatLength = lengths[repeatSymbol] as number;
  const repeatCode = codes[repeatSymbol] as number;
  let bits = 0;
  for (let from = 0; from < words.length; ) {
    const word = words[from] as number;
    let repeats = 0;
    while (repeats < MAX_REPEATS && words[from + repeats + 1] === word) repeats++;
    from += repeats + 1;
    const length = lengths[word] as number;
    const code = codes[word] as number;
    if (length + repeatLength + 8 < length * repeats) {
      writer.write(code, length);
      writer.write(repeatCode, repeatLength);
      writer.write(repeats, 8);
      bits += length + repeatLength + 8;
    } else {
      for (let i = 0; i <= repeats; i++) writer.write(code, length);
      bits += length * (repeats + 1);
    }
  }
  writer.align();
  const body = writer.bytes();
  const out = new Uint8Array(HEADER_BYTES + body.length);
  new Uint32Array(out.buffer, 0, 4).set([lowest, highest, tableBytes, bits]);
  out.set(body, HEADER_BYTES);
  return out;
}

/**
 * Lengths of the Huffman codes of symbols that occur: the two rarest trees are joined until one is left. With the leaves
 * sorted, joined trees come out in order, so two queues do instead of a heap.
 */
function codeLengths(counts: Float64Array): Uint8Array {
  const leaves = Uint32Array.from(counts.keys()).filter((symbol) => counts[symbol] !== 0);
  leaves.sort((a, b) => (counts[a] as number) - (counts[b] as number));
  const size = leaves.length;
  const weights = new Float64Array(2 * size - 1);
  leaves.forEach((symbol, i) => {
    weights[i] = counts[symbol] as number;
  });
  const parents = new Uint32Array(2 * size - 1);
  let leaf = 0;
  let tree = size;
  const takeRarest = (end: number): number =>
    leaf < size && (tree >= end || (weights[leaf] as number) <= (weights[tree] as number)) ? leaf++ : tree++;
  for (let joined = size; joined < 2 * size - 1; joined++) {
    const a = takeRarest(joined);
    const b = takeRarest(joined);
    parents[a] = joined;
    parents[b] = joined;
    weights[joined] = (weights[a] as number) + (weights[b] as number);
  }
  const depths = new Uint8Array(2 * size - 1);
  for (let node = 2 * size - 3; node >= 0; node--) {
    depths[node] = (depths[parents[node] as number] as number) + 1;
  }
  const lengths = new Uint8Array(SYMBOLS);
  leaves.forEach((symbol, i) => {
    lengths[symbol] = depths[i] as number;
  });
  return lengths;
}

function writeLengths(writer: BitWriter, lengths: Uint8Array, lowest: number, highest: number): void {
  for (let symbol = lowest; symbol <= highest; ) {
    let run = 0;
    while (run < LONGEST_RUN && symbol + run <= highest && lengths[symbol + run] === 0) run++;
    if (run >= SHORTEST_LONG_RUN) {
      writer.write(LONG_ZERO_RUN, 6);
      writer.write(run - SHORTEST_LONG_RUN, 8);
      symbol += run;
    } else if (run >= 2) {
      writer.write(SHORT_ZERO_RUN + run - 2, 6);
      symbol += run;
    } else {
      writer.write(lengths[symbol++] as number, 6);
    }
  }
}

class BitWriter {
  #bytes: Uint8Array;
  #pending = 0;
  #pendingBits = 0;
  length = 0;

  constructor(capacity: number) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** Appends a value of fewer than 2^17 in `bits` bits, the highest first. */
  write(value: number, bits: number): void {
    for (let zeros = bits - 17; zeros > 0; zeros -= 8) this.#push(0, Math.min(8, zeros));
    if (bits > 8) this.#push(value >>> 8, Math.min(17, bits) - 8);
    this.#push(value & 255, Math.min(8, bits));
  }

  #push(value: number, bits: number): void {
    this.#pending = (this.#pending << bits) | value;
    this.#pendingBits += bits;
    while (this.#pendingBits >= 8) {
      this.#pendingBits -= 8;
      this.#append((this.#pending >>> this.#pendingBits) & 255);
    }
  }

  align(): void {
    if (this.#pendingBits > 0) this.#push(0, 8 - this.#pendingBits);
  }

  #append(byte: number): void {
    if (this.length === this.#bytes.length) {
      const grown = new Uint8Array(2 * this.length);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes[this.length++] = byte;
  }

  bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.length);
  }
}
