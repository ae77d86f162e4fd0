import type { Architecture, ModelManifest } from '../engine/model-manifest.js';
import { alignOutward, grow, type Tile } from '../image/region.js';
import { NEIGHBOR_OFFSETS } from './temporal-features.js';

/** Pixels around a tile that its kernels depend on: their embeddings, their lambda, and what those were made of. */
export function tileOverlap({ architecture, receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  const kernel = architecture.kernelSize >> 1;
  const reach = hasLambda ? Math.max(kernel, receptiveRadius.specialization) : kernel;
  return even(receptiveRadius.features + reach);
}

/**
 * The pixels around a tile that features are computed for. Where the network works at a quarter of the resolution, its corners
 * are at whole cells of 4 x 4 pixels, so that the cells of tiles are those of the whole picture.
 */
export function featureArea(
  tile: Tile,
  overlap: number,
  level: Pick<Tile, 'width' | 'height'>,
  { architecture }: ModelManifest,
): Tile {
  const cell = architecture.quarterBlocks > 0 ? 4 : 2;
  return alignOutward(grow(tile, overlap, level.width, level.height), cell, level);
}

/** Whether windows have a kernel as large as that of a single frame in each noisy frame, and not small ones in filtered frames. */
export function hasJointKernels({ kernelSize, neighborKernelSize }: Architecture): boolean {
  return neighborKernelSize === kernelSize;
}

/** The same where the features of the frame are there. */
export function filterOverlap({ receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  return even(hasLambda ? receptiveRadius.specialization : 0);
}

/** Pixels around a tile that the kernels in other frames depend on. */
export function joinOverlap({ receptiveRadius }: ModelManifest, hasLambda: boolean): number {
  return even(receptiveRadius.temporal + (hasLambda ? receptiveRadius.specialization : 0));
}

/**
 * Bytes that a tile of one frame takes for each pixel of the tile with its overlap: input, detail and kernel features at our
 * place and at the engine's, feature maps; twice that, because allocators keep as much for the next module.
 */
export function tileBytesPerPixel({ architecture }: ModelManifest): number {
  const { inputChannels, featureChannels, contextChannels, embeddingChannels } = architecture;
  const head = contextChannels + 2 + embeddingChannels;
  return 2 * Float32Array.BYTES_PER_ELEMENT * (2 * inputChannels + 3 * head + (3 * featureChannels) / 4);
}

/** The same for a tile of a window: the centre's features, differences, guides of a frame at most twice as large, kernels. */
export function joinBytesPerPixel({ architecture }: ModelManifest): number {
  const { featureChannels, embeddingChannels } = architecture;
  const slots = NEIGHBOR_OFFSETS.length;
  const guides = embeddingChannels + 6;
  const cells = 4 * featureChannels + 2 * slots * (guides + 1) + 3 * guides;
  return 2 * Float32Array.BYTES_PER_ELEMENT * (cells / 4 + 2 * 4 * slots);
}

/** Networks work on pairs of pixels. */
export function even(pixels: number): number {
  return Math.ceil(pixels / 2) * 2;
}
