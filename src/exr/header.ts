import type { QuietframeError } from '../errors.js';
import { type Attribute, boxHeight, boxWidth } from '../image/image.js';
import { attributeText } from './attribute.js';
import { type Compression, LINES_PER_CHUNK, MAX_EXPANSION } from './compression.js';
import { chunkDataBytes, chunkHeaderBytes, chunkOffsets, isDeep } from './find-chunks.js';
import {
  type ExrChannel,
  type ExrChunk,
  type ExrHeader,
  type ExrLayout,
  type ExrPartLayout,
  MAGIC,
  SAMPLE_TYPES,
  sampleBytes,
  VERSION,
  VERSION_FLAGS,
} from './layout.js';
import { DEFAULT_EXR_LIMITS, type ExrLimits } from './limits.js';
import { otherBytes, textOf } from './names.js';
import type { UnreadablePart } from './part-fields.js';
import { PartFields } from './part-fields.js';
import { pictureKind } from './picture-kind.js';
import { checkLimit, cutOff, malformed, unsupported } from './refusal.js';

/** The error about samples that cannot be decoded. */
export function unreadableError(
  { expected: range, property, received }: UnreadablePart,
  part: string,
): QuietframeError {
  return unsupported(range, property === undefined ? part : `the ${property} of ${part}`, received);
}

/** The decoder of High-Throughput JPEG 2000 has 16 bits for a sample. */
function unreadWide(compression: Compression, channels: readonly ExrChannel[]): UnreadablePart | undefined {
  const wide = channels.find(({ type }) => type !== 'half');
  if (!compression.startsWith('htj2k') || wide === undefined) return undefined;
  const received = `${compression.toUpperCase()} with the ${wide.type} channel ${JSON.stringify(wide.name)}`;
  return { expected: 'half channels alone, or ZIP,', property: 'compression', received };
}
const MAX_NAME_BYTES = 255;
/** Texts that every reader decodes, some of them for each channel, and the most bytes of one. Others are copied as they are. */
const READ_TEXTS: ReadonlySet<string> = new Set(['name', 'type', 'view', 'multiView']);
const MAX_TEXT_BYTES = 2 ** 16;
/** Attributes of the format itself that may occur again, and which of them counts, as in the reference library. */
const REPEATED: ReadonlyMap<string, 'first' | 'last'> = new Map([
  ['channels', 'last'],
  ['compression', 'last'],
  ['dataWindow', 'last'],
  ['displayWindow', 'last'],
  ['lineOrder', 'last'],
  ['pixelAspectRatio', 'last'],
  ['screenWindowCenter', 'last'],
  ['screenWindowWidth', 'last'],
  ['tiles', 'last'],
  ['name', 'first'],
  ['type', 'first'],
  ['version', 'first'],
  ['chunkCount', 'first'],
]);

/**
 * Reads and checks everything of an OpenEXR file but its samples: header, windows, channels, and the position of every
 * chunk. Takes time and memory in proportion to the header and the chunk table, and never more than the limits allow.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`, `too-large`; the message names part, channel or attribute.
 */
export function readHeader(bytes: Uint8Array, limits: Partial<ExrLimits> = {}): ExrHeader {
  return new HeaderReader(bytes, { ...DEFAULT_EXR_LIMITS, ...limits }).read();
}

/**
 * Reads attributes, windows and channels alone. Chunk tables can hold a million entries; attributes are bounded by
 * `maxHeaderBytes`.
 * @throws QuietframeError as {@link readHeader}, but for damage to the chunk tables.
 */
export function readLayout(bytes: Uint8Array, limits: Partial<ExrLimits> = {}): ExrLayout {
  return new HeaderReader(bytes, { ...DEFAULT_EXR_LIMITS, ...limits }).readLayout();
}

const PART_TYPES: readonly string[] = ['scanlineimage', 'tiledimage', 'deepscanline', 'deeptile'];

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: ExrLimits;
  #position = 0;
  #attributeBytes = 0;
  #channelCount = 0;
  #chunkCount = 0;
  #chunkBytes = 0;
  /** Entries of the chunk tables, and how many of them are read. */
  #offsets = new Float64Array();
  #entry = 0;

  constructor(bytes: Uint8Array, limits: ExrLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  read(): ExrHeader {
    const { multiPart, parts: layouts } = this.readLayout();
    const tableStart = this.#position;
    let dataStart = tableStart;
    for (const part of layouts) dataStart += 8 * this.#countChunks(part);
    if (dataStart > this.#bytes.length)
      throw malformed('complete chunk tables', 'the OpenEXR file', 'its end');
    const counts = layouts.map((part) => this.#countChunks(part));
    this.#offsets = chunkOffsets(this.#view, { tableStart, parts: layouts, counts, multiPart });
    const parts = layouts.map((part) => ({ ...part, chunks: this.#readChunks(part, multiPart, dataStart) }));
    return { multiPart, parts };
  }

  readLayout(): ExrLayout {
    checkLimit(this.#bytes.length, this.#limits.maxFileBytes, 'the bytes of the OpenEXR file');
    const { tiled, multiPart } = this.#readVersion();
    const headers: ExrPartLayout[] = [];
    while (!multiPart || this.#peekByte('the end of the headers') !== 0) {
      checkLimit(headers.length + 1, this.#limits.maxParts, 'the parts of the OpenEXR file');
      headers.push(this.#readPartHeader(headers.length, tiled, multiPart));
      if (!multiPart) break;
    }
    if (multiPart) this.#position++;
    if (headers.length === 0) throw malformed('one part or more', 'a multi-part OpenEXR file', 'none');
    if (multiPart && new Set(headers.map((part) => part.name)).size !== headers.length) {
      throw malformed('a name of its own', 'every part of an OpenEXR file', 'a name that occurs twice');
    }
    return { multiPart, parts: headers };
  }

  #readVersion(): { tiled: boolean; multiPart: boolean } {
    this.#need(8, 'the magic number and version');
    const magic = this.#view.getUint32(0, true);
    if (magic !== MAGIC) {
      const kind = pictureKind(this.#view);
      if (kind !== undefined) throw malformed('an OpenEXR file', 'the frame', kind);
      throw malformed(`the number ${MAGIC}`, 'the start of an OpenEXR file', magic);
    }
    const version = this.#view.getUint32(4, true);
    if ((version & 255) !== VERSION)
      throw unsupported(`${VERSION}`, 'the version of the OpenEXR file', version & 255);
    const flags = version - VERSION;
    const known = Object.values(VERSION_FLAGS).reduce((sum, flag) => sum | flag, 0);
    if ((flags & ~known) !== 0)
      throw unsupported('known version flags', 'the OpenEXR file', `0x${flags.toString(16)}`);
    const tiled = (flags & VERSION_FLAGS.tiled) !== 0;
    const multiPart = (flags & VERSION_FLAGS.multiPart) !== 0;
    if ((flags & VERSION_FLAGS.deep) !== 0 && !multiPart)
      throw unsupported('flat samples', 'the OpenEXR file', 'deep data');
    if (tiled && multiPart)
      throw malformed('one of the flags tiled and multi-part', 'the OpenEXR file', 'both');
    this.#position = 8;
    return { tiled, multiPart };
  }

  #readPartHeader(index: number, tiled: boolean, multiPart: boolean): ExrPartLayout {
    const attributes = this.#readAttributes(index);
    const fields = new PartFields(attributes, `part ${index}`);
    const name = attributeText(attributes.get('name')) ?? '';
    if (multiPart && name === '') throw malformed('a name', `part ${index}`, 'none');
    const label = name === '' ? `part ${index}` : `part ${index} ${JSON.stringify(name)}`;
    const dataWindow = fields.box('dataWindow');
    const displayWindow = attributes.has('displayWindow') ? fields.box('displayWindow') : dataWindow;
    checkLimit(
      boxWidth(dataWindow) * boxHeight(dataWindow),
      this.#limits.maxPixels,
      `the pixels of ${label}`,
    );
    // The version flags of a single-part file decide; its `type` may be that of the file it was converted from.
    const type = multiPart ? fields.text('type') : tiled ? 'tiledimage' : 'scanlineimage';
    if (!PART_TYPES.includes(type)) {
      throw unsupported('scanlineimage or tiledimage', `the type of ${label}`, type);
    }
    const { compression, unread } = fields.compression();
    const tiles = type.includes('tile') ? fields.tiles() : undefined;
    const channels = this.#readChannels(fields, label);
    const unreadable = type.startsWith('deep')
      ? { expected: 'flat samples', received: `deep data (${type})` }
      : (tiles?.unread ?? unread ?? unreadWide(compression, channels));
    if (unreadable !== undefined && !multiPart) throw unreadableError(unreadable, label);
    const part: ExrPartLayout = {
      index,
      name,
      view: attributeText(attributes.get('view')),
      dataWindow,
      displayWindow,
      compression,
      tiles: tiles && { width: tiles.width, height: tiles.height },
      channels,
      attributes,
      ...(unreadable && { unreadable }),
    };
    const count = this.#countChunks(part);
    this.#chunkCount += count;
    checkLimit(this.#chunkCount, this.#limits.maxChunks, 'the chunks of the OpenEXR file');
    if (multiPart && attributes.has('chunkCount') && fields.int('chunkCount') !== count) {
      throw malformed(`${count}`, `the chunkCount of ${label}`, fields.int('chunkCount'));
    }
    return part;
  }

  #readAttributes(index: number): Map<string, Attribute> {
    const attributes = new Map<string, Attribute>();
    while (this.#peekByte(`the attributes of part ${index}`) !== 0) {
      const nameBytes = this.#readName(`an attribute name of part ${index}`);
      const name = textOf(nameBytes);
      const label = `attribute ${JSON.stringify(name)} of part ${index}`;
      const type = textOf(this.#readName(`the type of ${label}`));
      this.#need(4, label);
      const size = this.#view.getUint32(this.#position, true);
      this.#position += 4;
      checkLimit(size, this.#limits.maxAttributeBytes, `the bytes of ${label}`);
      if (READ_TEXTS.has(name)) checkLimit(size, MAX_TEXT_BYTES, `the bytes of ${label}`);
      this.#attributeBytes += name.length + type.length + size;
      checkLimit(this.#attributeBytes, this.#limits.maxHeaderBytes, 'the bytes of the attributes');
      this.#need(size, label);
      const isAgain = attributes.has(name);
      if (isAgain && !REPEATED.has(name)) throw malformed('one value', label, 'two');
      checkLimit(attributes.size + 1, this.#limits.maxAttributes, `the attributes of part ${index}`);
      const value = new Uint8Array(this.#bytes.subarray(this.#position, this.#position + size));
      if (!isAgain || REPEATED.get(name) === 'last') {
        attributes.set(name, { type, value, ...otherBytes(name, nameBytes) });
      }
      this.#position += size;
    }
    this.#position++;
    return attributes;
  }

  #readChannels(fields: PartFields, label: string): ExrChannel[] {
    const list = fields.value('channels', 'chlist');
    const view = new DataView(list.buffer, list.byteOffset, list.byteLength);
    const channels: ExrChannel[] = [];
    const names = new Set<string>();
    let position = 0;
    while (list[position] !== 0) {
      const end = list.indexOf(0, position);
      if (end < 0 || end - position > MAX_NAME_BYTES || end + 17 >= list.length) {
        throw malformed('a complete channel list', label, 'a truncated one');
      }
      const nameBytes = list.subarray(position, end);
      const name = textOf(nameBytes);
      const channel = `channel ${JSON.stringify(name)} of ${label}`;
      checkLimit(++this.#channelCount, this.#limits.maxChannels, 'the channels of the OpenEXR file');
      if (names.has(name)) throw malformed('one entry', channel, 'two');
      names.add(name);
      const type = SAMPLE_TYPES[view.getUint32(end + 1, true)];
      if (type === undefined)
        throw malformed('uint, half or float', `the type of ${channel}`, 'another number');
      const xSampling = view.getInt32(end + 9, true);
      const ySampling = view.getInt32(end + 13, true);
      if (xSampling < 1 || ySampling < 1) {
        throw malformed('1 or more', `the sampling of ${channel}`, `${xSampling} x ${ySampling}`);
      }
      const linear = list[end + 5] !== 0;
      channels.push({ name, type, linear, xSampling, ySampling, ...otherBytes(name, nameBytes) });
      position = end + 17;
    }
    if (position !== list.length - 1)
      throw malformed('a channel list that ends with its attribute', label, position);
    if (channels.length === 0) throw malformed('one channel or more', label, 'none');
    return channels;
  }

  #countChunks(part: ExrPartLayout): number {
    const width = boxWidth(part.dataWindow);
    const height = boxHeight(part.dataWindow);
    if (part.unreadable !== undefined) return this.#declaredChunks(part);
    if (part.tiles === undefined) return Math.ceil(height / LINES_PER_CHUNK[part.compression]);
    return Math.ceil(width / part.tiles.width) * Math.ceil(height / part.tiles.height);
  }

  /** How many chunks a part has whose layout is not known here: what it says itself. */
  #declaredChunks({ attributes, index, name }: ExrPartLayout): number {
    const label = `part ${index} ${JSON.stringify(name)}`;
    const count = new PartFields(attributes, label).int('chunkCount');
    if (count < 1) throw malformed('1 or more', `the chunkCount of ${label}`, count);
    checkLimit(count, this.#limits.maxChunks, 'the chunks of the OpenEXR file');
    return count;
  }

  #readChunks(part: ExrPartLayout, multiPart: boolean, dataStart: number): ExrChunk[] {
    if (part.unreadable !== undefined) return this.#rawChunks(part, dataStart);
    const count = this.#countChunks(part);
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
      const { column, row, offset, length, headerBytes } = this.#readChunk(part, multiPart, dataStart, label);
      if (!(column >= 0 && column < columns && Number.isInteger(row) && row >= 0 && row < rows)) {
        throw malformed('a place in the data window', label, `${column}, ${row}`);
      }
      if (seen[row * columns + column] !== 0)
        throw malformed('a place of its own', label, 'one that is taken');
      seen[row * columns + column] = 1;
      const x = column * tile.width;
      const y = row * tile.height;
      const chunk = {
        x,
        y,
        width: Math.min(tile.width, width - x),
        height: Math.min(tile.height, height - y),
        offset,
        length,
        headerBytes,
      };
      const unpacked = chunk.width * chunk.height * pixelBytes;
      checkLimit(unpacked, this.#limits.maxChunkBytes, `the bytes of ${label} once it is decompressed`);
      if (sampled && unpacked > length * MAX_EXPANSION[part.compression] + 4096) {
        throw malformed(`${part.compression} data of ${unpacked} samples' bytes`, label, `${length} bytes`);
      }
      this.#takeBytes(length);
      chunks.push(chunk);
    }
    return chunks;
  }

  #takeBytes(length: number): void {
    this.#chunkBytes += length;
    if (this.#chunkBytes > this.#bytes.length) throw malformed('bytes of their own', 'chunks', 'shared ones');
  }

  /** Chunks that are copied and never decoded: only where they begin and end is read. */
  #rawChunks(part: ExrPartLayout, dataStart: number): ExrChunk[] {
    const headerBytes = chunkHeaderBytes(part);
    const chunks: ExrChunk[] = [];
    const count = this.#countChunks(part);
    for (let entry = 0; entry < count; entry++) {
      const label = `chunk ${entry} of part ${part.index}`;
      const at = this.#chunkStart(part, true, dataStart, headerBytes, label);
      const offset = at + headerBytes;
      const length = chunkDataBytes(this.#view, offset, isDeep(part));
      if (length > this.#bytes.length - offset) throw cutOff(label);
      this.#takeBytes(length);
      chunks.push({ x: 0, y: 0, width: 0, height: 0, offset, length, headerBytes });
    }
    return chunks;
  }

  /** Where the header of the next chunk of the table begins, after the part number. */
  #chunkStart(
    part: ExrPartLayout,
    multiPart: boolean,
    dataStart: number,
    headerBytes: number,
    label: string,
  ): number {
    const start = this.#offsets[this.#entry++] as number;
    const most = this.#bytes.length - headerBytes - (multiPart ? 4 : 0);
    if (start < dataStart || start > most)
      throw malformed(`an offset in [${dataStart}, ${most}]`, label, start);
    if (!multiPart) return start;
    const index = this.#view.getInt32(start, true);
    if (index !== part.index) throw malformed(`part number ${part.index}`, label, index);
    return start + 4;
  }

  #readChunk(
    part: ExrPartLayout,
    multiPart: boolean,
    dataStart: number,
    label: string,
  ): { column: number; row: number; offset: number; length: number; headerBytes: number } {
    const headerBytes = chunkHeaderBytes(part);
    const at = this.#chunkStart(part, multiPart, dataStart, headerBytes, label);
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

  #readName(label: string): Uint8Array {
    const end = this.#bytes.subarray(this.#position, this.#position + MAX_NAME_BYTES + 1).indexOf(0);
    if (end <= 0) throw malformed(`1 to ${MAX_NAME_BYTES} bytes and a zero`, label, 'none or more');
    const name = this.#bytes.subarray(this.#position, this.#position + end);
    this.#position += end + 1;
    return name;
  }

  #peekByte(label: string): number {
    this.#need(1, label);
    return this.#bytes[this.#position] as number;
  }

  #need(length: number, label: string): void {
    if (length > this.#bytes.length - this.#position) throw cutOff(label);
  }
}
