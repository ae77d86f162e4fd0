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
};
