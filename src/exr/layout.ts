import type { Attribute, Box, SampleType } from '../image/image.js';
import type { Compression } from './compression.js';
import type { UnreadablePart } from './unreadable-part.js';

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
  /** The name as the file has it, where that is not the UTF-8 of `name`. */
  readonly nameBytes?: Uint8Array;
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
  /** Bytes of the chunk's own header (coordinates and lengths), which end at `offset`, without the part number. */
  readonly headerBytes: number;
}

export interface ExrPart {
  readonly index: number;
  /** Empty in files of one part that do not name it. */
  readonly name: string;
  /** Stereo view, where the file names one. */
  readonly view: string | undefined;
  readonly dataWindow: Box;
  /** The data window, where the file has none. */
  readonly displayWindow: Box;
  readonly compression: Compression;
  /** Size of a tile in pixels; undefined for scan lines. */
  readonly tiles: { readonly width: number; readonly height: number } | undefined;
  readonly channels: readonly ExrChannel[];
  /** All attributes in the order of the file. Values are copies of the file's bytes. */
  readonly attributes: ReadonlyMap<string, Attribute>;
  /**
   * In the order of the chunk table, which covers the data window exactly once. Chunks of a part that cannot be decoded have
   * no place: their `x`, `y`, `width` and `height` are 0.
   */
  readonly chunks: readonly ExrChunk[];
  /** Set where the samples cannot be decoded (deep data, a compression that is not read); the chunks can be copied. */
  readonly unreadable?: UnreadablePart;
}

export interface ExrHeader {
  readonly multiPart: boolean;
  readonly parts: readonly ExrPart[];
}

/** A part without the positions of its chunks. */
export type ExrPartLayout = Omit<ExrPart, 'chunks'>;

/** What a file says about its parts, without where their samples lie. */
export interface ExrLayout {
  readonly multiPart: boolean;
  readonly parts: readonly ExrPartLayout[];
  /** Byte of the file at which the chunk tables begin. */
  readonly tableStart: number;
}

export const MAGIC = 20000630;
export const VERSION = 2;
export const VERSION_FLAGS = { tiled: 0x200, longNames: 0x400, deep: 0x800, multiPart: 0x1000 } as const;
