import {
  firstCodes,
  HEADER_BYTES,
  LONG_ZERO_RUN,
  LONGEST_RUN,
  MAX_REPEATS,
  SHORT_ZERO_RUN,
  SHORTEST_LONG_RUN,
  SYMBOLS,
} from './huffman-code.js';

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
