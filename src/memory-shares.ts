/** What shares the memory of a service, in bytes each; docs/memory.md tells what every part holds. */
export interface MemoryShares {
  readonly memoryBudgetBytes: number;
  readonly featureCacheBytes: number;
  readonly decodedCacheBytes: number;
  readonly frameCacheBytes: number;
  readonly uploadMemoryBytes: number;
  readonly answerBytes: number;
  readonly frameMemoryBytes: number;
  /** Of one request; no part of the sum. */
  readonly maxUploadBytes: number;
}

const MIB = 2 ** 20;
const GIB = 2 ** 30;

/** Parts that have a size of their own; frames get what these leave. */
export const MEMORY_PARTS = [
  'memoryBudgetBytes',
  'featureCacheBytes',
  'decodedCacheBytes',
  'frameCacheBytes',
  'uploadMemoryBytes',
  'answerBytes',
] as const satisfies readonly (keyof MemoryShares)[];

/** What frames get at least, so that others that are too large are told by the sum. */
const LEAST_FOR_FRAMES = 64 * MIB;

/** Node, the engine and the heaps of its workers. */
export function processBytes(memoryBytes: number): number {
  return Math.floor(Math.max(memoryBytes / 16, Math.min(256 * MIB, memoryBytes / 4)));
}

/**
 * Divides the memory of the process: an eighth each for features and uploads, a sixteenth each for tiles, answers, decoded frames and
 * kept frames, and for frames that are denoised all that is left, about half.
 * @param set sizes that are given; the others stay as they are, but for frames.
 */
export function shareMemory(
  memoryBytes: number,
  set: { readonly [Key in keyof MemoryShares]?: number | undefined } = {},
): MemoryShares {
  const share = (parts: number): number => Math.floor(memoryBytes / parts);
  const sizes = {
    memoryBudgetBytes: set.memoryBudgetBytes ?? Math.min(GIB / 2, share(16)),
    featureCacheBytes: set.featureCacheBytes ?? share(8),
    decodedCacheBytes: set.decodedCacheBytes ?? share(16),
    frameCacheBytes: set.frameCacheBytes ?? share(16),
    answerBytes: set.answerBytes ?? Math.min(GIB / 2, share(16)),
    uploadMemoryBytes: set.uploadMemoryBytes ?? Math.max(share(8), set.maxUploadBytes ?? 0),
  };
  const rest =
    memoryBytes - processBytes(memoryBytes) - MEMORY_PARTS.reduce((sum, key) => sum + sizes[key], 0);
  return {
    ...sizes,
    frameMemoryBytes: set.frameMemoryBytes ?? Math.max(LEAST_FOR_FRAMES, rest),
    maxUploadBytes: set.maxUploadBytes ?? Math.min(GIB, sizes.uploadMemoryBytes),
  };
}

/** All parts together, with the process itself. */
export function sumOfMemory(
  shares: Omit<MemoryShares, 'maxUploadBytes'> & { readonly memoryBytes: number },
): number {
  const parts = MEMORY_PARTS.reduce((sum, key) => sum + shares[key], shares.frameMemoryBytes);
  return parts + processBytes(shares.memoryBytes);
}
