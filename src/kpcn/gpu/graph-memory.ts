import type { Architecture } from '../../engine/model-manifest.js';
import { ALBEDO_CHANNELS, COLOR_CHANNELS } from '../frame-pyramid.js';
import { NEIGHBOR_OFFSETS } from '../temporal-features.js';

/** Side of a block of pixels whose kernels are computed together; see `gpu_graphs.py`. */
const BLOCK = 4;
/** Bands of rows of blocks, of which only one has logits at a time. */
const BANDS = 8;
/** Color and albedo. */
const PLANES = COLOR_CHANNELS + ALBEDO_CHANNELS;
/** Of a pixel's kernel in another frame: weight, sharpness and two bandwidths. */
const KERNEL_CHANNELS = 4;

/**
 * Bytes on the GPU for each pixel of an area of a frame: its features, keys and samples with those above and below, and in a
 * band the taps of every pixel, logits four times.
 */
export function frameGraphBytesPerPixel(architecture: Architecture): number {
  const { inputChannels, featureChannels, contextChannels, embeddingChannels } = architecture;
  const reach = Math.ceil((architecture.kernelSize + BLOCK - 1) / BLOCK);
  const sampled = embeddingChannels + 1 + PLANES;
  const features = inputChannels + 1.5 * featureChannels + 3 * (contextChannels + 2 + embeddingChannels);
  const band = (reach ** 2 * sampled + 4 * (reach * BLOCK) ** 2) / BANDS;
  return Float32Array.BYTES_PER_ELEMENT * (features + 2 * reach * sampled + band);
}

/**
 * Bytes on the GPU for each pixel of an area of a full window: planes, embeddings and motion, of regions at most twice as
 * large; differences and features of cells; and for a tap in every frame guides, planes and their weights.
 */
export function windowGraphBytesPerPixel({ featureChannels, embeddingChannels }: Architecture): number {
  const slots = NEIGHBOR_OFFSETS.length;
  const regions = 2 * slots * (2 * PLANES + embeddingChannels / 2);
  const cells = (4 * featureChannels + 3 * slots * (embeddingChannels + PLANES + 1)) / 4;
  const pixels = slots * (4 * KERNEL_CHANNELS + 2 * PLANES + 3 * PLANES);
  return Float32Array.BYTES_PER_ELEMENT * (regions + cells + pixels);
}
