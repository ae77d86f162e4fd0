import { expected, QuietframeError } from '../errors.js';
import { type Attribute, boxHeight, boxWidth, type SampleType } from '../image/image.js';
import { stringAttribute } from './attribute.js';
import { sampleWords } from './codecs/block.js';
import { WRITABLE_COMPRESSIONS, type WritableCompression } from './codecs/codec.js';
import { LINES_PER_CHUNK } from './compression.js';
import {
  assembleFile,
  channelsAttribute,
  compressionAttribute,
  type EncodedPart,
  INCREASING_LINES,
  intAttribute,
  lineChunk,
  sortedChannels,
} from './container.js';
import { asOnlyPart, copyPart, hadOnePart, partsOfFrame } from './join-files.js';
import type { ExrChannel, ExrHeader, ExrPart } from './layout.js';
import { LineReader } from './line-reader.js';
import { checkValues, encodeLines, type Words, wordsOfValues } from './samples.js';
import { newChannel } from './write-exr.js';

/**
 * New samples by part index and full channel name, row-major over the part's data window: Uint32Array for a uint
 * channel, Float32Array for the others. The types of the channels stay.
 */
export type Replacements = ReadonlyMap<number, ReadonlyMap<string, Float32Array | Uint32Array>>;

/** A channel that the file does not have yet. */
export interface AddedChannel {
  readonly part: number;
  readonly name: string;
  readonly type: SampleType;
  readonly data: Float32Array | Uint32Array;
}

export interface ReplaceOptions {
  /** Written into the first part and into every part that is touched, over attributes of the same name. */
  readonly attributes?: ReadonlyMap<string, Attribute>;
  readonly add?: readonly AddedChannel[];
  /** Of the touched parts; by default the part's own where it can be written, else `zip`. */
  readonly compression?: WritableCompression;
}

/**
 * The file with some of its channels replaced and others added. Parts that are not touched keep their compressed chunks
 * bit for bit; in a touched part all other channels keep the bits of their samples, and are in memory a row of chunks at a
 * time. Header attributes are kept byte for byte, but for the layout of a part that is encoded again: it becomes scan lines
 * from the top, and a lossy compression becomes `zip`. Parts that `joinFiles` has added are left out again.
 * @throws QuietframeError `invalid-argument` for a part or channel that the file does not have (or, to add, has already)
 * and for samples that do not fit; `malformed-exr`, `unsupported-exr` when a touched part cannot be decoded.
 */
export function replaceChannels(
  original: Uint8Array,
  header: ExrHeader,
  replacements: Replacements,
  options: ReplaceOptions = {},
): Uint8Array {
  for (const index of [...replacements.keys(), ...(options.add ?? []).map((channel) => channel.part)]) {
    if (header.parts[index] === undefined) throw invalid(`0 to ${header.parts.length - 1}`, 'a part', index);
  }
  const own = partsOfFrame(header);
  const isOnly = hadOnePart(own);
  const restored = isOnly ? own.map((part) => ({ ...part, attributes: asOnlyPart(part.attributes) })) : own;
  const parts = restored.map((part) => {
    const replaced = replacements.get(part.index) ?? new Map<string, Float32Array | Uint32Array>();
    const added = (options.add ?? []).filter((channel) => channel.part === part.index);
    const touched = replaced.size > 0 || added.length > 0;
    const encoded = touched
      ? encodeAgain(original, part, replaced, added, options)
      : copyPart(original, part);
    if (!touched && part.index !== 0) return encoded;
    return { ...encoded, attributes: new Map([...encoded.attributes, ...(options.attributes ?? [])]) };
  });
  return assembleFile(parts, header.multiPart && !isOnly);
}

function encodeAgain(
  original: Uint8Array,
  part: ExrPart,
  replaced: ReadonlyMap<string, Float32Array | Uint32Array>,
  added: readonly AddedChannel[],
  options: ReplaceOptions,
): EncodedPart {
  const label = (name: string): string => `channel ${JSON.stringify(name)} of part ${part.index}`;
  const names = new Set(part.channels.map((channel) => channel.name));
  for (const name of replaced.keys()) {
    if (!names.has(name)) throw invalid('a channel of the file', label(name), 'one that it does not have');
  }
  for (const { name } of added) {
    if (names.has(name)) throw invalid('a new channel', label(name), 'one that exists');
    names.add(name);
  }
  const width = boxWidth(part.dataWindow);
  const height = boxHeight(part.dataWindow);
  const values = new Map<string, Float32Array | Uint32Array>();
  for (const { name, type } of part.channels) {
    const data = replaced.get(name);
    if (data === undefined) continue;
    checkValues(data, type, width * height, label(name));
    values.set(name, data);
  }
  const newChannels = added.map(({ name, type }): ExrChannel => ({ ...newChannel(name), type }));
  for (const { name, type, data } of added) {
    checkValues(data, type, width * height, label(name));
    values.set(name, data);
  }
  const channels = added.length === 0 ? part.channels : sortedChannels([...part.channels, ...newChannels]);
  const compression = options.compression ?? writable(part);
  const fill = splice(original, part, channels, values);
  const chunks = encodeLines(channels, width, height, compression, fill);

  const attributes = new Map(part.attributes);
  attributes.set('compression', compressionAttribute(compression));
  attributes.set('lineOrder', INCREASING_LINES);
  attributes.delete('tiles');
  if (attributes.has('type')) attributes.set('type', stringAttribute('scanlineimage'));
  if (attributes.has('chunkCount')) attributes.set('chunkCount', intAttribute(chunks.length));
  if (added.length > 0) attributes.set('channels', channelsAttribute(channels));
  const y = (index: number): number => part.dataWindow.yMin + index * LINES_PER_CHUNK[compression];
  return {
    attributes,
    isTiled: false,
    chunks: chunks.map((data, index) => lineChunk(y(index), data, index)),
  };
}

/**
 * Fills lines with new samples, and those of all other channels with the bits of the file, one row of chunks of which is decoded
 * at a time.
 */
function splice(
  original: Uint8Array,
  part: ExrPart,
  channels: readonly ExrChannel[],
  values: ReadonlyMap<string, Float32Array | Uint32Array>,
): (y: number, line: Words) => void {
  const width = boxWidth(part.dataWindow);
  const starts = new Map<string, number>();
  let start = 0;
  for (const channel of part.channels) {
    starts.set(channel.name, start);
    start += width * sampleWords(channel);
  }
  const reader = channels.every(({ name }) => values.has(name)) ? undefined : new LineReader(original, part);
  return (y, line) => {
    const kept = reader?.line(y);
    let to = 0;
    for (const channel of channels) {
      const length = width * sampleWords(channel);
      const data = values.get(channel.name);
      if (data !== undefined) {
        line.set(wordsOfValues(data.subarray(y * width, (y + 1) * width), channel.type), to);
      } else if (kept !== undefined) {
        const from = starts.get(channel.name) ?? 0;
        line.set(kept.subarray(from, from + length), to);
      }
      to += length;
    }
  };
}

function writable(part: ExrPart): WritableCompression {
  return WRITABLE_COMPRESSIONS.find((name) => name === part.compression) ?? 'zip';
}

function invalid(range: string, name: string, received: unknown): QuietframeError {
  return new QuietframeError('invalid-argument', expected(range, name, received));
}
