import { BOUNDARY } from '../server/support.js';

const WORDS = [
  '\r\n',
  '--',
  '\r\n\r\n',
  `--${BOUNDARY}`,
  `\r\n--${BOUNDARY}--`,
  'name="frame"',
  'Content-Disposition:',
  '"',
  ';',
  '\0',
];

/** Numbers in [0, below), the same in every run. */
export function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let hash = Math.imul(state ^ (state >>> 15), 1 | state);
    hash = (hash + Math.imul(hash ^ (hash >>> 7), 61 | hash)) ^ hash;
    return ((((hash ^ (hash >>> 14)) >>> 0) / 2 ** 32) * below) | 0;
  };
}

/** Bytes with a few of them changed, removed, doubled or replaced by extreme numbers; most often near the start. */
export function mutate(original: Uint8Array, below: (limit: number) => number): Buffer {
  let bytes = Buffer.from(original);
  for (let round = below(4); round >= 0 && bytes.length > 8; round--) {
    const at = below(below(2) === 0 ? Math.min(600, bytes.length) : bytes.length);
    switch (below(7)) {
      case 0:
        bytes = bytes.subarray(0, at);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + below(40))]);
        break;
      case 2:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(Math.max(0, at - below(40)))]);
        break;
      case 3:
        bytes = Buffer.concat([
          bytes.subarray(0, at),
          Buffer.from(WORDS[below(WORDS.length)] ?? ''),
          bytes.subarray(at),
        ]);
        break;
      case 4:
        bytes.writeInt32LE(
          [0, -1, 2 ** 31 - 1, -(2 ** 31), 2 ** 24, 1][below(6)] ?? 0,
          Math.min(at, bytes.length - 4),
        );
        break;
      default:
        for (let count = below(8); count >= 0; count--)
          bytes[Math.min(at + count, bytes.length - 1)] = below(256);
    }
  }
  return bytes;
}
