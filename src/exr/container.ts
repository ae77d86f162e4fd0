import { Buffer } from 'node:buffer';
import type { Attribute, Box } from '../image/image.js';
import { attributeText } from './attribute.js';
import { COMPRESSION_NUMBERS, type Compression } from './compression.js';
import { type ExrChannel, MAGIC, SAMPLE_TYPES, VERSION, VERSION_FLAGS } from './layout.js';
import { bytesOfName } from './names.js';

/** A part that is ready to be written. */
export interface EncodedPart {
  /** In the order in which they are written. */
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly isTiled: boolean;
  /** In the order of the chunk table: coordinates, length and data, without the part number. */
  readonly chunks: readonly EncodedChunk[];
}

export interface EncodedChunk {
  readonly bytes: readonly Uint8Array[];
  /** Chunks of a part are laid out in ascending order of this; the line order of a copied part is kept by it. */
  readonly order: number;
}

/** Lays out header, chunk tables and chunks. */
export function assembleFile(parts: readonly EncodedPart[], multiPart: boolean): Uint8Array {
  const header = headerBytes(parts, multiPart);
  const tableBytes = parts.reduce((sum, part) => sum + 8 * part.chunks.length, 0);
  const chunkBytes = (chunk: EncodedChunk): number =>
    chunk.bytes.reduce((sum, bytes) => sum + bytes.length, multiPart ? 4 : 0);
  const dataBytes = parts.reduce(
    (sum, part) => part.chunks.reduce((s, chunk) => s + chunkBytes(chunk), sum),
    0,
  );
  const file = new Uint8Array(header.length + tableBytes + dataBytes);
  const view = new DataView(file.buffer);
  file.set(header);
  let table = header.length;
  let position = header.length + tableBytes;
  parts.forEach((part, index) => {
    const order = [...part.chunks.keys()].sort((a, b) => orderOf(part, a) - orderOf(part, b));
    for (const entry of order) {
      view.setBigUint64(table + 8 * entry, BigInt(position), true);
      if (multiPart) {
        view.setInt32(position, index, true);
        position += 4;
      }
      for (const bytes of (part.chunks[entry] as EncodedChunk).bytes) {
        file.set(bytes, position);
        position += bytes.length;
      }
    }
    table += 8 * part.chunks.length;
  });
  return file;
}

function orderOf(part: EncodedPart, entry: number): number {
  return (part.chunks[entry] as EncodedChunk).order;
}

const SHORT_NAME_BYTES = 31;

function headerBytes(parts: readonly EncodedPart[], multiPart: boolean): Uint8Array {
  let flags = multiPart ? VERSION_FLAGS.multiPart : 0;
  const pieces: Uint8Array[] = [];
  for (const { attributes, isTiled } of parts) {
    if (!multiPart && isTiled) flags |= VERSION_FLAGS.tiled;
    if (multiPart && attributeText(attributes.get('type'))?.startsWith('deep')) flags |= VERSION_FLAGS.deep;
    for (const [name, { type, value, nameBytes }] of attributes) {
      const nameInFile = bytesOfName({ name, ...(nameBytes && { nameBytes }) });
      const names = Buffer.concat([nameInFile, Uint8Array.of(0), Buffer.from(`${type}\0`, 'utf8')]);
      if (
        Math.max(nameInFile.length, Buffer.byteLength(type)) > SHORT_NAME_BYTES ||
        hasLongChannel(name, value)
      ) {
        flags |= VERSION_FLAGS.longNames;
      }
      pieces.push(names, int32(value.length), value);
    }
    pieces.push(Uint8Array.of(0));
  }
  if (multiPart) pieces.push(Uint8Array.of(0));
  return Buffer.concat([int32(MAGIC, VERSION + flags), ...pieces]);
}

function hasLongChannel(attribute: string, value: Uint8Array): boolean {
  if (attribute !== 'channels') return false;
  for (let from = 0; value[from] !== 0 && from < value.length; ) {
    const end = value.indexOf(0, from);
    if (end - from > SHORT_NAME_BYTES) return true;
    from = end + 17;
  }
  return false;
}

/** A chunk of scan lines from line `y` of the data window's coordinates. */
export function lineChunk(y: number, data: Uint8Array, order: number): EncodedChunk {
  return { bytes: [int32(y, data.length), data], order };
}

/** Little-endian 32-bit integers. */
export function int32(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

export function intAttribute(value: number): Attribute {
  return { type: 'int', value: int32(value) };
}

export function boxAttribute({ xMin, yMin, xMax, yMax }: Box): Attribute {
  return { type: 'box2i', value: int32(xMin, yMin, xMax, yMax) };
}

export function compressionAttribute(compression: Compression): Attribute {
  return { type: 'compression', value: Uint8Array.of(COMPRESSION_NUMBERS[compression]) };
}

/** Scan lines from the top. */
export const INCREASING_LINES: Attribute = { type: 'lineOrder', value: Uint8Array.of(0) };

/** Channels in the order that the format demands: by the bytes of their names. */
export function sortedChannels<T extends { readonly name: string; readonly nameBytes?: Uint8Array }>(
  channels: Iterable<T>,
): T[] {
  return [...channels].sort((a, b) => Buffer.compare(bytesOfName(a), bytesOfName(b)));
}

export function channelsAttribute(channels: readonly ExrChannel[]): Attribute {
  const entries = channels.map((channel) =>
    Buffer.concat([
      bytesOfName(channel),
      Uint8Array.of(0),
      int32(SAMPLE_TYPES.indexOf(channel.type)),
      Uint8Array.of(channel.linear ? 1 : 0, 0, 0, 0),
      int32(channel.xSampling, channel.ySampling),
    ]),
  );
  return { type: 'chlist', value: new Uint8Array(Buffer.concat([...entries, Uint8Array.of(0)])) };
}
