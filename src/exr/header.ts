import { Buffer } from 'node:buffer';
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
  [12, 'ZSTD'],
  [13, 'LJ2K'],
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
  /** Pixels, in the coordinates of the data window. */
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
