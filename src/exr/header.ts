import { expected, QuietframeError } from '../errors.js';
import { type Attribute, type Box, boxHeight, boxWidth, type SampleType } from '../image/image.js';
import { attributeText } from './attribute.js';
import { DEFAULT_EXR_LIMITS, type ExrLimits } from './limits.js';

/** Compressions by the number that the file stores. */
export const COMPRESSIONS = [
  'none',
  'rle',
  'zips',
  'zip',
  'piz',
  'pxr24',
  'b44',
  'b44a',
  'dwaa',
  'dwab',
] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** Compressions that the standard or its library numbers and that are not read here. */
const UNSUPPORTED_COMPRESSIONS = new Map([
  [10, 'HTJ2K256'],
  [11, 'HTJ2K32'],
  [12, 'LJ2K'],
  [13, 'ZSTD'],
]);

/** Scan lines in a chunk, by compression. */
export const LINES_PER_CHUNK: Readonly<Record<Compression, number>> = {
  none: 1,
  rle: 1,
  zips: 1,
  zip: 16,
  piz: 32,
  pxr24: 16,
  b44: 32,
  b44a: 32,
  dwaa: 32,
  dwab: 256,
};

/**
 * The most bytes that one compressed byte can stand for, rounded up. A chunk that claims more is a bomb or damaged:
 * run lengths reach 64, deflate 1032, PXR24 drops a fourth byte on top of deflate, PIZ codes 256 samples in ten bits,
 * B44A a block of 32 bytes in 3, and DWA 64 samples in one deflated coefficient.
 */
const MAX_EXPANSION: Readonly<Record<Compression, number>> = {
  none: 1,
  rle: 64,
  zips: 1040,
  zip: 1040,
  piz: 1040,
  pxr24: 1400,
  b44: 11,
  b44a: 11,
  dwaa: 140_000,
  dwab: 140_000,
};

/** Sample types by the number that the file stores. */
export const SAMPLE_TYPES: readonly SampleType[] = ['uint', 'half', 'float'];

/** Bytes of one sample. */
export function sampleBytes(type: SampleType): 2 | 4 {
  return type === 'half' ? 2 : 4;
}

export interface ExrChannel {
  readonly name: string;
  readonly type: SampleType;
  /** Whether B44 and DWA treat the samples as perceptually linear. */
  readonly linear: boolean;
  readonly xSampling: number;
  readonly ySampling: number;
}

/** One block of scan lines or one tile: which pixels it holds and where its compressed bytes lie in the file. */
export interface ExrChunk {
  /** Pixels, counted from the upper left of the data window. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Byte offset and length of the compressed samples, without the chunk's own header. */
  readonly offset: number;
  readonly length: number;
}

export interface ExrPart {
  readonly index: number;
  /** Empty in files of one part that do not name it. */
  readonly name: string;
  /** Stereo view, where the file names one. */
  readonly view: string | undefined;
  readonly dataWindow: Box;
  readonly displayWindow: Box;
  readonly compression: Compression;
  /** Size of a tile in pixels; undefined for scan lines. */
  readonly tiles: { readonly width: number; readonly height: number } | undefined;
  readonly channels: readonly ExrChannel[];
  /** All attributes in the order of the file. Values are copies of the file's bytes. */
  readonly attributes: ReadonlyMap<string, Attribute>;
  /** In the order of the chunk table, which covers the data window exactly once. */
  readonly chunks: readonly ExrChunk[];
}

export interface ExrHeader {
  readonly multiPart: boolean;
  readonly parts: readonly ExrPart[];
}

export const MAGIC = 20000630;
export const VERSION = 2;
export const VERSION_FLAGS = { tiled: 0x200, longNames: 0x400, deep: 0x800, multiPart: 0x1000 } as const;
const MAX_NAME_BYTES = 255;
/** Half the range of int32, as in the reference library: widths and offsets cannot overflow. */
const MAX_COORDINATE = 2 ** 30 - 1;

/**
 * Reads and checks everything of an OpenEXR file but its samples: header, windows, channels, and the position of every
 * chunk. Takes time and memory in proportion to the header and the chunk table, and never more than the limits allow.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`, `too-large`; the message names part, channel or attribute.
 */
export function readHeader(bytes: Uint8Array, limits: Partial<ExrLimits> = {}): ExrHeader {
  return new HeaderReader(bytes, { ...DEFAULT_EXR_LIMITS, ...limits }).read();
}

function malformed(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('malformed-exr', expected(range, name, received));
}

function unsupported(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('unsupported-exr', expected(range, name, received));
}

function checkLimit(value: number, limit: number, name: string): void {
  if (value > limit) throw new QuietframeError('too-large', expected(`at most ${limit}`, name, value));
}

/** A part before its chunk table is read. */
type PartHeader = Omit<ExrPart, 'chunks'>;

class HeaderReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #limits: ExrLimits;
  #position = 0;
  #channelCount = 0;
  #chunkCount = 0;
  #chunkBytes = 0;

  constructor(bytes: Uint8Array, limits: ExrLimits) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#limits = limits;
  }

  read(): ExrHeader {
    checkLimit(this.#bytes.length, this.#limits.maxFileBytes, 'the bytes of the OpenEXR file');
    const { tiled, multiPart } = this.#readVersion();
    const headers: PartHeader[] = [];
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
    const tableStart = this.#position;
    let dataStart = tableStart;
    for (const part of headers) dataStart += 8 * this.#countChunks(part);
    if (dataStart > this.#bytes.length)
      throw malformed('complete chunk tables', 'the OpenEXR file', 'its end');
    const parts = headers.map((part) => ({ ...part, chunks: this.#readChunks(part, multiPart, dataStart) }));
    return { multiPart, parts };
  }

  #readVersion(): { tiled: boolean; multiPart: boolean } {
    this.#need(8, 'the magic number and version');
    const magic = this.#view.getUint32(0, true);
    if (magic !== MAGIC) throw malformed(`the number ${MAGIC}`, 'the start of an OpenEXR file', magic);
    const version = this.#view.getUint32(4, true);
    if ((version & 255) !== VERSION)
      throw unsupported(`${VERSION}`, 'the version of the OpenEXR file', version & 255);
    const flags = version - VERSION;
    const known = Object.values(VERSION_FLAGS).reduce((sum, flag) => sum | flag, 0);
    if ((flags & ~known) !== 0)
      throw unsupported('known version flags', 'the OpenEXR file', `0x${flags.toString(16)}`);
    const tiled = (flags & VERSION_FLAGS.tiled) !== 0;
    const multiPart = (flags & VERSION_FLAGS.multiPart) !== 0;
    if ((flags & VERSION_FLAGS.deep) !== 0)
      throw unsupported('flat samples', 'the OpenEXR file', 'deep data');
    if (tiled && multiPart)
      throw malformed('one of the flags tiled and multi-part', 'the OpenEXR file', 'both');
    this.#position = 8;
    return { tiled, multiPart };
  }

  #readPartHeader(index: number, tiled: boolean, multiPart: boolean): PartHeader {
    const attributes = this.#readAttributes(index);
    const fields = new PartFields(attributes, `part ${index}`);
    const name = attributeText(attributes.get('name')) ?? '';
    if (multiPart && name === '') throw malformed('a name', `part ${index}`, 'none');
    const label = name === '' ? `part ${index}` : `part ${index} ${JSON.stringify(name)}`;
    const dataWindow = fields.box('dataWindow');
    const displayWindow = fields.box('displayWindow');
    checkLimit(
      boxWidth(dataWindow) * boxHeight(dataWindow),
      this.#limits.maxPixels,
      `the pixels of ${label}`,
    );
    const type = attributes.has('type') || multiPart ? fields.text('type') : undefined;
    if (type?.startsWith('deep')) throw unsupported('flat samples', label, type);
    if (type !== undefined && type !== 'scanlineimage' && type !== 'tiledimage') {
      throw unsupported('scanlineimage or tiledimage', `the type of ${label}`, type);
    }
    if (!multiPart && type !== undefined && (type === 'tiledimage') !== tiled) {
      throw malformed('a type that agrees with the version flags', label, type);
    }
    const part: PartHeader = {
      index,
      name,
      view: attributeText(attributes.get('view')),
      dataWindow,
      displayWindow,
      compression: fields.compression(),
      tiles: tiled || type === 'tiledimage' ? fields.tiles() : undefined,
      channels: this.#readChannels(fields, label),
      attributes,
    };
    fields.byte('lineOrder', 'lineOrder', 2);
    const count = this.#countChunks(part);
    this.#chunkCount += count;
    checkLimit(this.#chunkCount, this.#limits.maxChunks, 'the chunks of the OpenEXR file');
    if (attributes.has('chunkCount') && fields.int('chunkCount') !== count) {
      throw malformed(`${count}`, `the chunkCount of ${label}`, fields.int('chunkCount'));
    }
    return part;
  }

  #readAttributes(index: number): Map<string, Attribute> {
    const attributes = new Map<string, Attribute>();
    while (this.#peekByte(`the attributes of part ${index}`) !== 0) {
      const name = this.#readName(`an attribute name of part ${index}`);
      const label = `attribute ${JSON.stringify(name)} of part ${index}`;
      const type = this.#readName(`the type of ${label}`);
      this.#need(4, label);
      const size = this.#view.getUint32(this.#position, true);
      this.#position += 4;
      checkLimit(size, this.#limits.maxAttributeBytes, `the bytes of ${label}`);
      this.#need(size, label);
      if (attributes.has(name)) throw malformed('one value', label, 'two');
      checkLimit(attributes.size + 1, this.#limits.maxAttributes, `the attributes of part ${index}`);
      const value = new Uint8Array(this.#bytes.subarray(this.#position, this.#position + size));
      attributes.set(name, { type, value });
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
      const name = textOf(list.subarray(position, end));
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
      channels.push({ name, type, linear: list[end + 5] !== 0, xSampling, ySampling });
      position = end + 17;
    }
    if (position !== list.length - 1)
      throw malformed('a channel list that ends with its attribute', label, position);
    if (channels.length === 0) throw malformed('one channel or more', label, 'none');
    return channels;
  }

  #countChunks(part: PartHeader): number {
    const width = boxWidth(part.dataWindow);
    const height = boxHeight(part.dataWindow);
    if (part.tiles === undefined) return Math.ceil(height / LINES_PER_CHUNK[part.compression]);
    return Math.ceil(width / part.tiles.width) * Math.ceil(height / part.tiles.height);
  }

  #readChunks(part: PartHeader, multiPart: boolean, dataStart: number): ExrChunk[] {
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
    for (let entry = 0; entry < count; entry++, this.#position += 8) {
      const label = `chunk ${entry} of part ${part.index}`;
      const { column, row, offset, length } = this.#readChunk(part, multiPart, dataStart, label);
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
      };
      const unpacked = chunk.width * chunk.height * pixelBytes;
      checkLimit(unpacked, this.#limits.maxChunkBytes, `the bytes of ${label} once it is decompressed`);
      if (sampled && unpacked > length * MAX_EXPANSION[part.compression] + 4096) {
        throw malformed(`${part.compression} data of ${unpacked} samples' bytes`, label, `${length} bytes`);
      }
      this.#chunkBytes += length;
      if (this.#chunkBytes > this.#bytes.length)
        throw malformed('bytes of their own', 'chunks', 'shared ones');
      chunks.push(chunk);
    }
    return chunks;
  }

  #readChunk(
    part: PartHeader,
    multiPart: boolean,
    dataStart: number,
    label: string,
  ): { column: number; row: number; offset: number; length: number } {
    const start = Number(this.#view.getBigUint64(this.#position, true));
    const headerBytes = (multiPart ? 4 : 0) + (part.tiles === undefined ? 8 : 20);
    if (start < dataStart || start + headerBytes > this.#bytes.length) {
      throw malformed(`an offset in [${dataStart}, ${this.#bytes.length - headerBytes}]`, label, start);
    }
    let at = start;
    if (multiPart) {
      const index = this.#view.getInt32(at, true);
      if (index !== part.index) throw malformed(`part number ${part.index}`, label, index);
      at += 4;
    }
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
    const offset = start + headerBytes;
    const length = this.#view.getUint32(offset - 4, true);
    if (length > this.#bytes.length - offset) {
      throw malformed(`at most ${this.#bytes.length - offset} bytes`, label, length);
    }
    return { column, row, offset, length };
  }

  #readName(label: string): string {
    const end = this.#bytes.subarray(this.#position, this.#position + MAX_NAME_BYTES + 1).indexOf(0);
    if (end <= 0) throw malformed(`1 to ${MAX_NAME_BYTES} bytes and a zero`, label, 'none or more');
    const name = textOf(this.#bytes.subarray(this.#position, this.#position + end));
    this.#position += end + 1;
    return name;
  }

  #peekByte(label: string): number {
    this.#need(1, label);
    return this.#bytes[this.#position] as number;
  }

  #need(length: number, label: string): void {
    if (length > this.#bytes.length - this.#position) {
      throw malformed(`${length} bytes at offset ${this.#position}`, label, 'the end of the file');
    }
  }
}

/** Typed access to the attributes that the format demands. */
class PartFields {
  readonly #attributes: ReadonlyMap<string, Attribute>;
  readonly #label: string;

  constructor(attributes: ReadonlyMap<string, Attribute>, label: string) {
    this.#attributes = attributes;
    this.#label = label;
  }

  value(name: string, type: string, length?: number): Uint8Array {
    const attribute = this.#attributes.get(name);
    const label = `attribute ${JSON.stringify(name)} of ${this.#label}`;
    if (attribute === undefined) throw malformed(`a value of type ${type}`, label, 'none');
    if (attribute.type !== type) throw malformed(`type ${type}`, label, attribute.type);
    if (length !== undefined && attribute.value.length !== length) {
      throw malformed(`${length} bytes`, label, attribute.value.length);
    }
    return attribute.value;
  }

  #ints(name: string, type: string, length: number): DataView {
    const value = this.value(name, type, length);
    return new DataView(value.buffer, value.byteOffset, value.byteLength);
  }

  int(name: string): number {
    return this.#ints(name, 'int', 4).getInt32(0, true);
  }

  text(name: string): string {
    return textOf(this.value(name, 'string')).replace(/\0+$/, '');
  }

  byte(name: string, type: string, most: number): number {
    const value = this.value(name, type, 1)[0] as number;
    if (value > most) throw malformed(`0 to ${most}`, `the ${name} of ${this.#label}`, value);
    return value;
  }

  box(name: string): Box {
    const view = this.#ints(name, 'box2i', 16);
    const [xMin, yMin, xMax, yMax] = [0, 4, 8, 12].map((at) => view.getInt32(at, true)) as [
      number,
      number,
      number,
      number,
    ];
    const shown = `(${xMin}, ${yMin}) to (${xMax}, ${yMax})`;
    const label = `the ${name} of ${this.#label}`;
    if (xMax < xMin || yMax < yMin) throw malformed('one pixel or more', label, shown);
    if ([xMin, yMin, xMax, yMax].some((value) => Math.abs(value) > MAX_COORDINATE)) {
      throw malformed(`coordinates within ${MAX_COORDINATE}`, label, shown);
    }
    return { xMin, yMin, xMax, yMax };
  }

  compression(): Compression {
    const number = this.byte('compression', 'compression', 255);
    const name = `the compression of ${this.#label}`;
    const known = COMPRESSIONS[number];
    if (known !== undefined) return known;
    throw unsupported(
      `one of ${COMPRESSIONS.join(', ')}`,
      name,
      UNSUPPORTED_COMPRESSIONS.get(number) ?? number,
    );
  }

  tiles(): { width: number; height: number } {
    const view = this.#ints('tiles', 'tiledesc', 9);
    const width = view.getUint32(0, true);
    const height = view.getUint32(4, true);
    const mode = view.getUint8(8);
    const label = `the tiles of ${this.#label}`;
    if (width < 1 || height < 1 || width > MAX_COORDINATE || height > MAX_COORDINATE) {
      throw malformed(`1 to ${MAX_COORDINATE} pixels`, label, `${width} x ${height}`);
    }
    const levels = mode & 15;
    if (levels !== 0)
      throw unsupported('one level', label, levels === 1 ? 'mip-map levels' : 'rip-map levels');
    return { width, height };
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text of a file: UTF-8, or Latin-1 in older files that are not. */
function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    return Array.from(bytes, (code) => String.fromCharCode(code)).join('');
  }
}
