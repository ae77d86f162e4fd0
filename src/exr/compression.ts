/** Compressions that are read, by the number that the file stores. */
export const COMPRESSION_NUMBERS = {
  none: 0,
  rle: 1,
  zips: 2,
  zip: 3,
  piz: 4,
  pxr24: 5,
  b44: 6,
  b44a: 7,
  dwaa: 8,
  dwab: 9,
  htj2k256: 10,
  htj2k32: 11,
  zstd: 13,
} as const;
export type Compression = keyof typeof COMPRESSION_NUMBERS;
export const COMPRESSIONS = Object.keys(COMPRESSION_NUMBERS) as readonly Compression[];

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
  htj2k256: 256,
  htj2k32: 32,
  zstd: 1,
};

/**
 * The most bytes that one compressed byte can stand for, rounded up. A chunk that claims more is a bomb or damaged:
 * run lengths reach 64, deflate 1032, PXR24 drops a fourth byte on top of deflate, PIZ codes 256 samples in ten bits,
 * B44A a block of 32 bytes in 3, DWA 64 samples in one deflated coefficient, JPEG 2000 a precinct of nothing in one byte, and
 * Zstandard 128 KiB of one value in 4.
 */
export const MAX_EXPANSION: Readonly<Record<Compression, number>> = {
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
  htj2k256: 1_000_000,
  htj2k32: 1_000_000,
  zstd: 33_000,
};
