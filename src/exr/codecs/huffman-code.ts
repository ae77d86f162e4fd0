/**
 * The Huffman coding of 16-bit words that PIZ and DWA share: canonical codes, the longest first, with one extra symbol
 * (the highest of the table) that repeats the last word up to 255 times.
 * Layout: lowest symbol, highest symbol, table bytes, code bits, 0 (each uint32), code lengths in 6 bits each, codes.
 */
export const SYMBOLS = 65537;
export const MAX_CODE_LENGTH = 58;
export const HEADER_BYTES = 20;
/** Code lengths from here on stand for runs of symbols without a code. */
export const SHORT_ZERO_RUN = 59;
export const LONG_ZERO_RUN = 63;
export const SHORTEST_LONG_RUN = 2 + LONG_ZERO_RUN - SHORT_ZERO_RUN;
export const LONGEST_RUN = 255 + SHORTEST_LONG_RUN;
export const MAX_REPEATS = 255;

/**
 * First code of every length. Codes count up within a length and start at 0 with the longest, so every code is below
 * 2^17, however long it is.
 */
export function firstCodes(lengths: Uint8Array): Float64Array {
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
