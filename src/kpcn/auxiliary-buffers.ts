import type { AuxiliaryPrefilterManifest } from '../engine/model-manifest.js';
import type { Frame } from '../frame/frame.js';
import { paddedSize } from '../image/pyramid.js';
import { plane, type Raster } from '../image/raster.js';
import { cutIntoTiles, grow, type Tile, type TilingLimits } from '../image/region.js';

/** Albedo and normals of a frame and their variances: what the prefilter reads, and what it writes. */
export type AuxiliaryBuffers = Readonly<Partial<Record<AuxiliaryName, Raster>>>;
export type AuxiliaryName = (typeof AUXILIARY_NAMES)[number];
export const AUXILIARY_NAMES = ['albedo', 'albedoVariance', 'normal', 'normalVariance'] as const;
export const AUXILIARY_CHANNELS: Readonly<Record<AuxiliaryName, number>> = {
  ...{ albedo: 3, albedoVariance: 1, normal: 3, normalVariance: 1 },
};

/** A standard deviation of 3e-5: what the prefilter would change is below what half floats hold of an albedo. */
const NEGLIGIBLE_VARIANCE = 1e-9;
/** Pixels on every side that variances, and changes that they explain, are averaged over. */
const MEAN_RADIUS = 2;

/**
 * Whether variances were measured of all buffers that a frame has. Where one lacks its variance, those of both are estimated:
 * the network knows one answer for both.
 */
export function hasMeasuredVariances(frame: Frame | AuxiliaryBuffers): boolean {
  const { albedo, albedoVariance, normal, normalVariance } = frame;
  return (
    (albedo === undefined || albedoVariance !== undefined) &&
    (normal === undefined || normalVariance !== undefined)
  );
}

/** Whether measured variances say that the buffers have no noise that the prefilter would take out. */
export function areClean(frame: Frame): boolean {
  if (!hasMeasuredVariances(frame)) return false;
  const { albedo, albedoVariance, normal, normalVariance } = frame;
  const isClean = (buffer: Raster | undefined, variance: Raster | undefined): boolean =>
    buffer === undefined ||
    variance === undefined ||
    plane(variance, 0).every((value) => value < NEGLIGIBLE_VARIANCE);
  return isClean(albedo, albedoVariance) && isClean(normal, normalVariance);
}

/** Pixels around a tile of the finest level that its result depends on. */
export function prefilterOverlap(manifest: AuxiliaryPrefilterManifest): number {
  const { levels } = manifest;
  const multiple = 2 ** levels;
  const reach = 2 ** (levels - 1) * (levelOverlap(manifest) + MEAN_RADIUS);
  return changeOverlap(manifest) + Math.ceil(reach / multiple) * multiple;
}

/** Pixels around a tile whose change tells how much of it noise explains: whole at all levels. */
export function changeOverlap({ levels }: AuxiliaryPrefilterManifest): number {
  const multiple = 2 ** levels;
  return Math.ceil(MEAN_RADIUS / multiple) * multiple;
}

/** The pixels of a picture whose mean variances or changes depend on an area. */
export function meanArea(area: Tile, { width, height }: Pick<Tile, 'width' | 'height'>): Tile {
  return grow(area, MEAN_RADIUS, width, height);
}

/** Pixels around a tile of a level that its kernels depend on: even, as networks work on pairs of pixels. */
export function levelOverlap({ kernelSize, receptiveRadius }: AuxiliaryPrefilterManifest): number {
  const even = (pixels: number): number => Math.ceil(pixels / 2) * 2;
  return even(receptiveRadius) + even(kernelSize >> 1);
}

/** Tiles of a frame, padded to whole pixels at all levels. */
export function prefilterTiles(
  { width, height }: Pick<Tile, 'width' | 'height'>,
  manifest: AuxiliaryPrefilterManifest,
  limits: Pick<TilingLimits, 'workers' | 'maxPixels'>,
): Tile[] {
  const { levels } = manifest;
  return cutIntoTiles(paddedSize(width, levels), paddedSize(height, levels), {
    ...{ ...limits, overlap: prefilterOverlap(manifest), alignment: 2 ** levels },
  });
}

/**
 * Bytes that a pixel of a tile takes with its overlap: planes of all levels before and after their kernels, input and output
 * of the network at our place and at the engine's, feature maps.
 */
export function prefilterBytesPerPixel({
  featureChannels,
  contextChannels,
  embeddingChannels,
}: AuxiliaryPrefilterManifest): number {
  const planes = (2 * 8 + 3) * (4 / 3) + 6;
  const network = 2 * 9 + 3 * (contextChannels + 2 + embeddingChannels) + (3 * featureChannels) / 4;
  return Float32Array.BYTES_PER_ELEMENT * (planes + 2 * network);
}
