import { type Block, linesOfPlanes, lineWords, sampleWords } from './block.js';
import { damaged } from './damage.js';
import { halfBits, halfValue } from './half.js';

/**
 * B44 and B44A: half planes in blocks of 4 x 4 samples, 14 bytes each (the first sample, then 15 differences of 6 bits
 * at a common scale) or 3 where all samples are equal; other planes as they are.
 */
export function decodeB44(data: Uint8Array, block: Block): Uint16Array {
  const { width, height } = block;
  const planes = new Uint16Array(lineWords(block) * height);
  const samples = new Uint16Array(16);
  let from = 0;
  let offset = 0;
  for (const channel of block.channels) {
    const size = width * height * sampleWords(channel);
    if (channel.type !== 'half') {
      if (from + 2 * size > data.length) throw truncated();
      for (let i = 0; i < size; i++, from += 2) {
        planes[offset + i] = (data[from] as number) | ((data[from + 1] as number) << 8);
      }
    } else {
      const table = channel.linear ? expTable() : undefined;
      for (let top = 0; top < height; top += 4) {
        for (let left = 0; left < width; left += 4) {
          from = unpack(data, from, samples);
          for (let y = top; y < Math.min(top + 4, height); y++) {
            for (let x = left; x < Math.min(left + 4, width); x++) {
              const sample = samples[(y - top) * 4 + x - left] as number;
              planes[offset + y * width + x] = table === undefined ? sample : (table[sample] as number);
            }
          }
        }
      }
    }
    offset += size;
  }
  if (from !== data.length) throw damaged(`${from} bytes of B44 blocks`, `${data.length} bytes`);
  return linesOfPlanes(planes, block);
}

function truncated(): Error {
  return damaged('complete B44 blocks', 'the end of the chunk');
}

/** A third byte from here on marks a block of equal samples. */
const FLAT_SHIFT = 13 << 2;

/** Unpacks one block and returns where the next begins. */
function unpack(data: Uint8Array, from: number, samples: Uint16Array): number {
  if (from + 3 > data.length) throw truncated();
  const first = ((data[from] as number) << 8) | (data[from + 1] as number);
  const third = data[from + 2] as number;
  if (third >= FLAT_SHIFT) {
    samples.fill(fromOrdered(first));
    return from + 3;
  }
  if (from + 14 > data.length) throw truncated();
  const shift = third >>> 2;
  // Differences run down the first column, then along the rows, one column at a time.
  let bit = 8 * (from + 2) + 6;
  const difference = (): number => {
    const at = bit >>> 3;
    const value = ((((data[at] as number) << 8) | (data[at + 1] ?? 0)) >>> (10 - (bit & 7))) & 0x3f;
    bit += 6;
    return (value - 0x20) << shift;
  };
  const ordered = new Uint16Array(16);
  ordered[0] = first;
  for (const row of [4, 8, 12]) ordered[row] = (ordered[row - 4] as number) + difference();
  for (let column = 1; column < 4; column++) {
    for (let row = 0; row < 16; row += 4) {
      ordered[row + column] = (ordered[row + column - 1] as number) + difference();
    }
  }
  for (let i = 0; i < 16; i++) samples[i] = fromOrdered(ordered[i] as number);
  return from + 14;
}

/** B44 stores halves such that their order as integers is their order as numbers. */
function fromOrdered(ordered: number): number {
  return ordered & 0x8000 ? ordered & 0x7fff : ~ordered & 0xffff;
}

let exponentials: Uint16Array | undefined;

/** Linear channels are stored as 8 log(x); by half, exp(x / 8) as a half, 0 for what is not finite. */
function expTable(): Uint16Array {
  exponentials ??= Uint16Array.from({ length: 65536 }, (_, half) => {
    const value = halfValue(half);
    return Number.isFinite(value) ? halfBits(Math.exp(value / 8)) : 0;
  });
  return exponentials;
}
