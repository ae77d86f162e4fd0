import { damaged } from './damage.js';

/** Decodes runs: a negative count precedes that many literal bytes, any other count a byte to repeat count + 1 times. */
export function expandRuns(data: Uint8Array, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let to = 0;
  let from = 0;
  while (from < data.length) {
    const count = ((data[from++] as number) << 24) >> 24;
    if (count < 0) {
      if (to - count > length || from - count > data.length)
        throw damaged(`runs of ${length} bytes`, 'longer ones');
      bytes.set(data.subarray(from, from - count), to);
      from -= count;
      to -= count;
    } else {
      if (to + count + 1 > length || from >= data.length)
        throw damaged(`runs of ${length} bytes`, 'longer ones');
      bytes.fill(data[from++] as number, to, to + count + 1);
      to += count + 1;
    }
  }
  if (to !== length) throw damaged(`runs of ${length} bytes`, `${to} bytes`);
  return bytes;
}

const MIN_RUN = 3;
const MAX_RUN = 127;

/** The inverse of {@link expandRuns}. */
export function findRuns(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(bytes.length + Math.ceil(bytes.length / MAX_RUN) + 1);
  let to = 0;
  let from = 0;
  while (from < bytes.length) {
    let end = from + 1;
    while (end < bytes.length && bytes[end] === bytes[from] && end - from <= MAX_RUN) end++;
    if (end - from >= MIN_RUN) {
      out[to++] = end - from - 1;
      out[to++] = bytes[from] as number;
    } else {
      while (end < bytes.length && end - from < MAX_RUN && !startsRun(bytes, end)) end++;
      out[to++] = from - end;
      out.set(bytes.subarray(from, end), to);
      to += end - from;
    }
    from = end;
  }
  return out.subarray(0, to);
}

function startsRun(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === bytes[at + 1] && bytes[at] === bytes[at + 2];
}
