import { stringAttribute } from '../../src/exr/attribute.js';
import {
  assembleFile,
  boxAttribute,
  channelsAttribute,
  type EncodedPart,
  intAttribute,
} from '../../src/exr/container.js';
import { newChannel } from '../../src/exr/write-exr.js';
import type { Attribute, Box } from '../../src/image/image.js';

const int32 = (...values: number[]): Uint8Array => new Uint8Array(Int32Array.from(values).buffer);
const uint64 = (...values: number[]): Uint8Array =>
  new Uint8Array(BigUint64Array.from(values, (value) => BigInt(value)).buffer);

export interface RawPart {
  readonly name: string;
  readonly type?: string;
  /** Number of the compression; 0, none, by default. */
  readonly compression?: number;
  readonly channels: readonly string[];
  readonly window: Box;
  readonly attributes?: Readonly<Record<string, Attribute>>;
  /** Coordinates, lengths and data of each chunk, as they are in the file. */
  readonly chunks: readonly (readonly Uint8Array[])[];
}

/** A chunk of scan lines that some codec has written. */
export function lines(y: number, data: Uint8Array): Uint8Array[] {
  return [int32(y, data.length), data];
}

/** A chunk of deep scan lines: sample counts and samples, both packed by some codec. */
export function deepLines(y: number, counts: Uint8Array, samples: Uint8Array): Uint8Array[] {
  return [int32(y), uint64(counts.length, samples.length, 4 * samples.length), counts, samples];
}

/** A tile of deep samples. */
export function deepTile(x: number, y: number, counts: Uint8Array, samples: Uint8Array): Uint8Array[] {
  return [int32(x, y, 0, 0), uint64(counts.length, samples.length, 4 * samples.length), counts, samples];
}

/** A tile of a level. */
export function tile(x: number, y: number, level: number, data: Uint8Array): Uint8Array[] {
  return [int32(x, y, level, level, data.length), data];
}

/** `mode` is the low nibble of the format: 0 one level, 1 mip-map, 2 rip-map. */
export function tilesAttribute(width: number, height: number, mode: number): Attribute {
  return { type: 'tiledesc', value: new Uint8Array([...int32(width, height), mode]) };
}

/** One line without compression of half samples. */
export function halfLine(y: number, words: readonly number[]): Uint8Array[] {
  return lines(y, new Uint8Array(Uint16Array.from(words).buffer));
}

/** A multi-part file of parts as they are given. */
export function rawFile(parts: readonly RawPart[], multiPart = true): Uint8Array {
  return assembleFile(
    parts.map((part): EncodedPart => {
      const { name, type = 'scanlineimage', compression = 0, channels, window, attributes, chunks } = part;
      return {
        isTiled: type === 'tiledimage',
        attributes: new Map<string, Attribute>([
          ['channels', channelsAttribute(channels.map((each) => ({ ...newChannel(each), type: 'half' })))],
          ['compression', { type: 'compression', value: Uint8Array.of(compression) }],
          ['dataWindow', boxAttribute(window)],
          ['displayWindow', boxAttribute(window)],
          ['lineOrder', { type: 'lineOrder', value: Uint8Array.of(0) }],
          ['pixelAspectRatio', { type: 'float', value: new Uint8Array(Float32Array.of(1).buffer) }],
          ['screenWindowCenter', { type: 'v2f', value: new Uint8Array(8) }],
          ['screenWindowWidth', { type: 'float', value: new Uint8Array(Float32Array.of(1).buffer) }],
          ...(multiPart
            ? ([
                ['name', stringAttribute(name)],
                ['type', stringAttribute(type)],
                ['chunkCount', intAttribute(chunks.length)],
              ] as const)
            : []),
          ...Object.entries(attributes ?? {}),
        ]),
        chunks: chunks.map((bytes, order) => ({ bytes, order })),
      };
    }),
    multiPart,
  );
}
