import { boxHeight, boxWidth } from '../image/image.js';
import { lineWords } from './codecs/block.js';
import { LINES_PER_CHUNK } from './compression.js';
import { type ExrChunk, type ExrPart, sampleBytes } from './layout.js';
import { decodeChunk, type Words } from './samples.js';
import { unreadableError } from './unreadable-part.js';

/**
 * Lines of a part with all its channels, from the top. One row of chunks is decoded at a time and kept until a line below it is
 * asked for, so that memory does not grow with the picture's height.
 */
export class LineReader {
  readonly #bytes: Uint8Array;
  readonly #part: ExrPart;
  readonly #rows = new Map<number, ExrChunk[]>();
  readonly #stride: number;
  #band: Words = new Uint16Array();
  #top = -1;

  /** @throws QuietframeError where the part can only be copied. */
  constructor(bytes: Uint8Array, part: ExrPart) {
    if (part.unreadable !== undefined) {
      throw unreadableError(part.unreadable, `part ${part.index} ${JSON.stringify(part.name)}`);
    }
    this.#bytes = bytes;
    this.#part = part;
    this.#stride = lineWords({ width: boxWidth(part.dataWindow), height: 1, channels: part.channels });
    for (const chunk of part.chunks) {
      const row = this.#rows.get(chunk.y);
      if (row === undefined) this.#rows.set(chunk.y, [chunk]);
      else row.push(chunk);
    }
  }

  /**
   * The words of a line, channel after channel, until the next call.
   * @throws QuietframeError as `decodeChunk`.
   */
  line(y: number): Words {
    const lines = chunkLines(this.#part);
    const top = y - (y % lines);
    if (top !== this.#top) this.#decode(top);
    const from = (y - top) * this.#stride;
    return this.#band.subarray(from, from + this.#stride);
  }

  #decode(top: number): void {
    // The band before goes before the next one comes.
    this.#band = new Uint16Array();
    this.#top = top;
    const chunks = this.#rows.get(top) ?? [];
    if (this.#part.tiles === undefined) {
      this.#band = decodeChunk(this.#bytes, this.#part, chunks[0] as ExrChunk);
      return;
    }
    const lines = chunks[0]?.height ?? 0;
    const band = new Uint16Array(lines * this.#stride);
    for (const chunk of chunks) this.#place(band, chunk);
    this.#band = band;
  }

  /** Copies the samples of a tile into the lines of its row. */
  #place(band: Words, chunk: ExrChunk): void {
    const words = decodeChunk(this.#bytes, this.#part, chunk);
    const width = boxWidth(this.#part.dataWindow);
    let from = 0;
    for (let y = 0; y < chunk.height; y++) {
      let column = y * this.#stride;
      for (const { type } of this.#part.channels) {
        const size = sampleBytes(type) / 2;
        const length = chunk.width * size;
        band.set(words.subarray(from, from + length), column + chunk.x * size);
        from += length;
        column += width * size;
      }
    }
  }
}

/** Lines of a row of chunks. */
function chunkLines({ tiles, compression }: Pick<ExrPart, 'tiles' | 'compression'>): number {
  return tiles?.height ?? LINES_PER_CHUNK[compression];
}

/** Bytes of a row of a part's chunks over its whole width, once they are decompressed. */
export function bandBytes(part: Pick<ExrPart, 'dataWindow' | 'tiles' | 'compression' | 'channels'>): number {
  const pixels = boxWidth(part.dataWindow) * Math.min(chunkLines(part), boxHeight(part.dataWindow));
  return pixels * part.channels.reduce((sum, { type }) => sum + sampleBytes(type), 0);
}

/**
 * How often the bytes of a row of chunks are in memory while it is decoded and encoded again: inflated, as words, as planes of a
 * wavelet, as new words, split and compressed, with what the collector has not freed yet; measured in
 * test/exr/replace-memory.test.ts.
 */
export const TRANSIENT_BANDS = 8;
