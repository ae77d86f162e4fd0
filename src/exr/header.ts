import { boxHeight, boxWidth } from '../image/image.js';
import { attributeText } from './attribute.js';
import { readAttributes } from './attribute-list.js';
import { readChannelList } from './channel-list.js';
import { countChunks, readChunkTables } from './chunk-table.js';
import type { Compression } from './compression.js';
import { HeaderCursor } from './header-cursor.js';
import { HeaderTotals } from './header-totals.js';
import {
  type ExrChannel,
  type ExrHeader,
  type ExrLayout,
  type ExrPartLayout,
  MAGIC,
  VERSION,
  VERSION_FLAGS,
} from './layout.js';
import { DEFAULT_EXR_LIMITS, type ExrLimits } from './limits.js';
import { PartFields } from './part-fields.js';
import { pictureKind } from './picture-kind.js';
import { checkLimit, malformed, unsupported } from './refusal.js';
import { type UnreadablePart, unreadableError } from './unreadable-part.js';

/**
 * Reads and checks everything of an OpenEXR file but its samples: header, windows, channels, and the position of every
 * chunk. Takes time and memory in proportion to the header and the chunk table, and never more than the limits allow.
 * @throws QuietframeError `malformed-exr`, `unsupported-exr`, `too-large`; the message names part, channel or attribute.
 */
export function readHeader(bytes: Uint8Array, limits: Partial<ExrLimits> = {}): ExrHeader {
  return completeHeader(bytes, readLayout(bytes, limits), limits);
}

/**
 * A header with the position of every chunk.
 * @param layout of the very bytes.
 * @throws QuietframeError `malformed-exr`, `too-large`; the message names the chunk and the part.
 */
export function completeHeader(
  bytes: Uint8Array,
  layout: ExrLayout,
  limits: Partial<ExrLimits> = {},
): ExrHeader {
  const parts = readChunkTables(bytes, layout, { ...DEFAULT_EXR_LIMITS, ...limits });
  return { multiPart: layout.multiPart, parts };
}

/**
 * Reads attributes, windows and channels alone. Chunk tables can hold a million entries; attributes are bounded by
 * `maxHeaderBytes`.
 * @throws QuietframeError as {@link readHeader}, but for damage to the chunk tables.
 */
export function readLayout(bytes: Uint8Array, limits: Partial<ExrLimits> = {}): ExrLayout {
  return new LayoutReader(bytes, { ...DEFAULT_EXR_LIMITS, ...limits }).read();
}

const PART_TYPES: readonly string[] = ['scanlineimage', 'tiledimage', 'deepscanline', 'deeptile'];

class LayoutReader {
  readonly #bytes: Uint8Array;
  readonly #cursor: HeaderCursor;
  readonly #limits: ExrLimits;
  readonly #totals: HeaderTotals;

  constructor(bytes: Uint8Array, limits: ExrLimits) {
    this.#bytes = bytes;
    this.#cursor = new HeaderCursor(bytes);
    this.#limits = limits;
    this.#totals = new HeaderTotals(limits);
  }

  read(): ExrLayout {
    checkLimit(this.#bytes.length, this.#limits.maxFileBytes, 'the bytes of the OpenEXR file');
    const { tiled, multiPart } = this.#version();
    const parts: ExrPartLayout[] = [];
    while (!multiPart || this.#cursor.peek('the end of the headers') !== 0) {
      checkLimit(parts.length + 1, this.#limits.maxParts, 'the parts of the OpenEXR file');
      parts.push(this.#part(parts.length, tiled, multiPart));
      if (!multiPart) break;
    }
    if (multiPart) this.#cursor.skip(1);
    if (parts.length === 0) throw malformed('one part or more', 'a multi-part OpenEXR file', 'none');
    if (multiPart && new Set(parts.map((part) => part.name)).size !== parts.length) {
      throw malformed('a name of its own', 'every part of an OpenEXR file', 'a name that occurs twice');
    }
    return { multiPart, parts, tableStart: this.#cursor.position };
  }

  #version(): { tiled: boolean; multiPart: boolean } {
    this.#cursor.need(8, 'the magic number and version');
    const magic = this.#cursor.uint32('the magic number');
    if (magic !== MAGIC) {
      const { buffer, byteOffset, byteLength } = this.#bytes;
      const kind = pictureKind(new DataView(buffer, byteOffset, byteLength));
      if (kind !== undefined) throw malformed('an OpenEXR file', 'the frame', kind);
      throw malformed(`the number ${MAGIC}`, 'the start of an OpenEXR file', magic);
    }
    const version = this.#cursor.uint32('the version');
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
    return { tiled, multiPart };
  }

  #part(index: number, tiled: boolean, multiPart: boolean): ExrPartLayout {
    const attributes = readAttributes(this.#cursor, index, this.#limits, this.#totals);
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
    const channels = readChannelList(fields.value('channels', 'chlist'), label, this.#totals);
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
    const count = countChunks(part, this.#limits);
    this.#totals.addChunks(count);
    if (multiPart && attributes.has('chunkCount') && fields.int('chunkCount') !== count) {
      throw malformed(`${count}`, `the chunkCount of ${label}`, fields.int('chunkCount'));
    }
    return part;
  }
}

/** The decoder of High-Throughput JPEG 2000 has 16 bits for a sample. */
function unreadWide(compression: Compression, channels: readonly ExrChannel[]): UnreadablePart | undefined {
  const wide = channels.find(({ type }) => type !== 'half');
  if (!compression.startsWith('htj2k') || wide === undefined) return undefined;
  const received = `${compression.toUpperCase()} with the ${wide.type} channel ${JSON.stringify(wide.name)}`;
  return { expected: 'half channels alone, or ZIP,', property: 'compression', received };
}
