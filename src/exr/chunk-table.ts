import { boxHeight, boxWidth } from '../image/image.js';
import { LINES_PER_CHUNK, MAX_EXPANSION } from './compression.js';
import { chunkDataBytes, chunkHeaderBytes, chunkOffsets, isDeep } from './find-chunks.js';
import { type ExrChunk, type ExrLayout, type ExrPart, type ExrPartLayout, sampleBytes } from './layout.js';
import type { ExrLimits } from './limits.js';
import { PartFields } from './part-fields.js';
import { checkLimit, cutOff, malformed } from './refusal.js';

/**
 * How many chunks a part has.
 * @throws QuietframeError `malformed-exr`, `too-large` where the part itself has to say so.
 */
export function countChunks(part: ExrPartLayout, limits: ExrLimits): number {
  const width = boxWidth(part.dataWindow);
  const height = boxHeight(part.dataWindow);
  if (part.unreadable !== undefined) return declaredChunks(part, limits);
  if (part.tiles === undefined) return Math.ceil(height / LINES_PER_CHUNK[part.compression]);
  return Math.ceil(width / part.tiles.width) * Math.ceil(height / part.tiles.height);
}

/** How many chunks a part has whose layout is not known here: what it says itself. */
function declaredChunks({ attributes, index, name }: ExrPartLayout, limits: ExrLimits): number {
  const label = `part ${index} ${JSON.stringify(name)}`;
  const count = new PartFields(attributes, label).int('chunkCount');
  if (count < 1) throw malformed('1 or more', `the chunkCount of ${label}`, count);
  checkLimit(count, limits.maxChunks, 'the chunks of the OpenEXR file');
  return count;
}

/**
 * Finds the chunks of all parts and checks that they cover the data windows and lie in the file, each in bytes of its own.
 * @param layout of the very bytes.
 * @throws QuietframeError `malformed-exr`, `too-large`; the message names the chunk and the part.
 */
export function readChunkTables(bytes: Uint8Array, layout: ExrLayout, limits: ExrLimits): ExrPart[] {
  return new ChunkTableReader(bytes, layout, limits).read();
}

/** Where a chunk lies, by its place among the rows and columns of its part. */
interface ChunkPlace extends Pick<ExrChunk, 'offset' | 'length' | 'headerBytes'> {
  readonly column: number;
  readonly row: number;
}

class ChunkTableReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #layout: ExrLayout;
  readonly #limits: ExrLimits;
  readonly #counts: readonly number[];
  /** Where the tables end. */
  readonly #dataStart: number;
  /** Entries of the tables, and how many of them are read. */
  #offsets = new Float64Array();
  #entry = 0;
  #chunkBytes = 0;

  constructor(bytes: Uint8Array, layout: ExrLayout, limits: ExrLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#layout = layout;
    this.#limits = limits;
    this.#counts = layout.parts.map((part) => countChunks(part, limits));
    this.#dataStart = layout.tableStart + 8 * this.#counts.reduce((sum, count) => sum + count, 0);
  }

  read(): ExrPart[] {
    const { tableStart, parts, multiPart } = this.#layout;
    if (this.#dataStart > this.#bytes.length)
      throw malformed('complete chunk tables', 'the OpenEXR file', 'its end');
    this.#offsets = chunkOffsets(this.#view, { tableStart, parts, counts: this.#counts, multiPart });
    return parts.map((part, index) => {
      const count = this.#counts[index] as number;
      const chunks =
        part.unreadable === undefined ? this.#chunksOf(part, count) : this.#rawChunks(part, count);
      return { ...part, chunks };
    });
  }

  #chunksOf(part: ExrPartLayout, count: number): ExrChunk[] {
    const width = boxWidth(part.dataWindow);
    const height = boxHeight(part.dataWindow);
    const tile = part.tiles ?? { width, height: LINES_PER_CHUNK[part.compression] };
    const columns = Math.ceil(width / tile.width);
    const rows = Math.ceil(height / tile.height);
    const pixelBytes = part.channels.reduce((sum, channel) => sum + sampleBytes(channel.type), 0);
    const sampled = part.channels.every((channel) => channel.xSampling === 1 && channel.ySampling === 1);
    const seen = new Uint8Array(count);
    const chunks: ExrChunk[] = [];
    for (let entry = 0; entry < count; entry++) {
      const label = `chunk ${entry} of part ${part.index}`;
      const { column, row, ...bytes } = this.#place(part, label);
      if (!(column >= 0 && column < columns && Number.isInteger(row) && row >= 0 && row < rows)) {
        throw malformed('a place in the data window', label, `${column}, ${row}`);
      }
      if (seen[row * columns + column] !== 0)
        throw malformed('a place of its own', label, 'one that is taken');
      seen[row * columns + column] = 1;
      const x = column * tile.width;
      const y = row * tile.height;
      const size = { width: Math.min(tile.width, width - x), height: Math.min(tile.height, height - y) };
      const unpacked = size.width * size.height * pixelBytes;
      checkLimit(unpacked, this.#limits.maxChunkBytes, `the bytes of ${label} once it is decompressed`);
      if (sampled && unpacked > bytes.length * MAX_EXPANSION[part.compression] + 4096) {
        const range = `${part.compression} data of ${unpacked} samples' bytes`;
        throw malformed(range, label, `${bytes.length} bytes`);
      }
      this.#takeBytes(bytes.length);
      chunks.push({ x, y, ...size, ...bytes });
    }
    return chunks;
  }

  /** Chunks that are copied and never decoded: only where they begin and end is read. */
  #rawChunks(part: ExrPartLayout, count: number): ExrChunk[] {
    const headerBytes = chunkHeaderBytes(part);
    const chunks: ExrChunk[] = [];
    for (let entry = 0; entry < count; entry++) {
      const label = `chunk ${entry} of part ${part.index}`;
      const offset = this.#start(part, headerBytes, label) + headerBytes;
      const length = chunkDataBytes(this.#view, offset, isDeep(part));
      if (length > this.#bytes.length - offset) throw cutOff(label);
      this.#takeBytes(length);
      chunks.push({ x: 0, y: 0, width: 0, height: 0, offset, length, headerBytes });
    }
    return chunks;
  }

  #place(part: ExrPartLayout, label: string): ChunkPlace {
    const headerBytes = chunkHeaderBytes(part);
    const at = this.#start(part, headerBytes, label);
    let column = 0;
    let row: number;
    if (part.tiles === undefined) {
      row = (this.#view.getInt32(at, true) - part.dataWindow.yMin) / LINES_PER_CHUNK[part.compression];
    } else {
      column = this.#view.getInt32(at, true);
      row = this.#view.getInt32(at + 4, true);
      const level = [this.#view.getInt32(at + 8, true), this.#view.getInt32(at + 12, true)];
      if (level[0] !== 0 || level[1] !== 0) throw malformed('level 0, 0', label, level.join(', '));
    }
    const offset = at + headerBytes;
    const length = this.#view.getUint32(offset - 4, true);
    if (length > this.#bytes.length - offset) throw cutOff(label);
    return { column, row, offset, length, headerBytes };
  }

  /** Where the header of the next chunk of the table begins, after the part number. */
  #start(part: ExrPartLayout, headerBytes: number, label: string): number {
    const { multiPart } = this.#layout;
    const start = this.#offsets[this.#entry++] as number;
    const most = this.#bytes.length - headerBytes - (multiPart ? 4 : 0);
    if (start < this.#dataStart || start > most)
      throw malformed(`an offset in [${this.#dataStart}, ${most}]`, label, start);
    if (!multiPart) return start;
    const index = this.#view.getInt32(start, true);
    if (index !== part.index) throw malformed(`part number ${part.index}`, label, index);
    return start + 4;
  }

  #takeBytes(length: number): void {
    this.#chunkBytes += length;
    if (this.#chunkBytes > this.#bytes.length) throw malformed('bytes of their own', 'chunks', 'shared ones');
  }
}
