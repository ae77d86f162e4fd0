import { type ExrChannel, sampleBytes } from '../layout.js';

/**
 * The shape of one chunk's samples. Decompressed samples are 16-bit words, low word first, in the order of the format:
 * `for each line, for each channel, for each pixel`; a half takes one word, a float or uint two.
 */
export interface Block {
  readonly width: number;
  readonly height: number;
  readonly channels: readonly ExrChannel[];
}

/** 16-bit words of one sample. */
export function sampleWords(channel: ExrChannel): 1 | 2 {
  return channel.type === 'half' ? 1 : 2;
}

/** 16-bit words of one line of a block. */
export function lineWords(block: Block): number {
  return block.channels.reduce((sum, channel) => sum + block.width * sampleWords(channel), 0);
}

/** Bytes of a block when it is not compressed. */
export function blockBytes(block: Block): number {
  return block.channels.reduce(
    (sum, channel) => sum + block.width * block.height * sampleBytes(channel.type),
    0,
  );
}

/** Reorders samples between planes, one channel after the other, and the lines of the format. */
export function linesOfPlanes(planes: Uint16Array, block: Block): Uint16Array {
  const lines = new Uint16Array(planes.length);
  forEachRow(block, (plane, line, length) => lines.set(planes.subarray(plane, plane + length), line));
  return lines;
}

/** The inverse of {@link linesOfPlanes}. */
export function planesOfLines(lines: Uint16Array, block: Block): Uint16Array {
  const planes = new Uint16Array(lines.length);
  forEachRow(block, (plane, line, length) => planes.set(lines.subarray(line, line + length), plane));
  return planes;
}

function forEachRow(block: Block, visit: (plane: number, line: number, length: number) => void): void {
  const stride = lineWords(block);
  let plane = 0;
  let column = 0;
  for (const channel of block.channels) {
    const length = block.width * sampleWords(channel);
    for (let y = 0; y < block.height; y++, plane += length) visit(plane, y * stride + column, length);
    column += length;
  }
}
