import { Buffer } from 'node:buffer';
import { expected, QuietframeError } from '../errors.js';
import { type Attribute, boxHeight, boxWidth, type Image, type ImagePart } from '../image/image.js';
import { attributeText, floatAttribute, stringAttribute } from './attribute.js';
import type { WritableCompression } from './codecs/codec.js';
import { LINES_PER_CHUNK } from './compression.js';
import {
  assembleFile,
  boxAttribute,
  channelsAttribute,
  compressionAttribute,
  type EncodedPart,
  INCREASING_LINES,
  intAttribute,
  lineChunk,
  sortedChannels,
} from './container.js';
import type { ExrChannel } from './layout.js';
import { checkValues, encodeLines, wordsOfValues } from './samples.js';

export { WRITABLE_COMPRESSIONS, type WritableCompression } from './codecs/codec.js';

export interface WriteOptions {
  /** `zip` by default. */
  readonly compression?: WritableCompression;
}

/**
 * Encodes an image as a scan-line OpenEXR file; more than one part makes a multi-part file. Attributes of the parts are
 * written byte for byte, but for those that the fields of the part or the layout of the file decide.
 * @throws QuietframeError `invalid-argument` when a part has no name of its own, no channels, a name that the format
 * cannot hold, or planes that do not fit its data window.
 */
export function writeExr(image: Image, { compression = 'zip' }: WriteOptions = {}): Uint8Array {
  const multiPart = image.parts.length > 1;
  if (image.parts.length === 0) throw invalid('one part or more', 'the image', 'none');
  const names = new Set(image.parts.map((part) => part.name));
  if (multiPart && (names.has('') || names.size !== image.parts.length)) {
    throw invalid(
      'a name of its own',
      'every part of the image',
      image.parts.map((part) => part.name).join(', '),
    );
  }
  return assembleFile(
    image.parts.map((part) => encode(part, compression, multiPart)),
    multiPart,
  );
}

function encode(part: ImagePart, compression: WritableCompression, multiPart: boolean): EncodedPart {
  const width = boxWidth(part.dataWindow);
  const height = boxHeight(part.dataWindow);
  if (!(width > 0 && height > 0))
    throw invalid('one pixel or more', 'the data window', `${width} x ${height}`);
  const planes = sortedChannels(part.planes.values());
  if (planes.length === 0) throw invalid('one channel or more', `part ${JSON.stringify(part.name)}`, 'none');
  const channels = planes.map(
    ({ name, type, nameBytes }): ExrChannel => ({
      ...newChannel(name),
      type,
      ...(nameBytes && { nameBytes }),
    }),
  );
  for (const { name, type, data } of planes) {
    checkValues(data, type, width * height, `channel ${JSON.stringify(name)}`);
  }
  const chunks = encodeLines(channels, width, height, compression, (y, line) => {
    let to = 0;
    for (const { type, data } of planes) {
      const words = wordsOfValues(data.subarray(y * width, (y + 1) * width), type);
      line.set(words, to);
      to += words.length;
    }
  });
  return {
    isTiled: false,
    attributes: attributesOf(part, channels, compression, multiPart ? chunks.length : undefined),
    chunks: chunks.map((data, index) =>
      lineChunk(part.dataWindow.yMin + index * LINES_PER_CHUNK[compression], data, index),
    ),
  };
}

/**
 * A float channel without subsampling.
 * @throws QuietframeError `invalid-argument` when the format cannot hold the name.
 */
export function newChannel(name: string): ExrChannel {
  const bytes = Buffer.byteLength(name, 'utf8');
  if (bytes < 1 || bytes > 255 || name.includes('\0')) {
    throw invalid('1 to 255 bytes without a zero', 'the name of a channel', name);
  }
  return { name, type: 'float', linear: false, xSampling: 1, ySampling: 1 };
}

function attributesOf(
  part: ImagePart,
  channels: readonly ExrChannel[],
  compression: WritableCompression,
  chunkCount: number | undefined,
): Map<string, Attribute> {
  const attributes = new Map<string, Attribute>([
    ['pixelAspectRatio', floatAttribute(1)],
    ['screenWindowCenter', { type: 'v2f', value: new Uint8Array(8) }],
    ['screenWindowWidth', floatAttribute(1)],
    ...part.attributes,
    ['channels', channelsAttribute(channels)],
    ['compression', compressionAttribute(compression)],
    ['dataWindow', boxAttribute(part.dataWindow)],
    ['displayWindow', boxAttribute(part.displayWindow)],
    ['lineOrder', INCREASING_LINES],
  ]);
  for (const name of ['tiles', 'type', 'chunkCount', 'name', 'view']) attributes.delete(name);
  // A name that is not UTF-8 keeps its bytes.
  const nameOf = (attribute: 'name' | 'view', text: string): Attribute => {
    const own = part.attributes.get(attribute);
    return own !== undefined && attributeText(own) === text ? own : stringAttribute(text);
  };
  if (part.name !== '') attributes.set('name', nameOf('name', part.name));
  if (part.view !== undefined) attributes.set('view', nameOf('view', part.view));
  if (chunkCount !== undefined) {
    attributes.set('type', stringAttribute('scanlineimage'));
    attributes.set('chunkCount', intAttribute(chunkCount));
  }
  return attributes;
}

function invalid(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, name, received));
}
