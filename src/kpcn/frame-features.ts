import { type Tensor, TensorMemory } from '../engine/engine.js';
import type { Architecture, ModelManifest } from '../engine/model-manifest.js';
import { copyRegion } from '../image/copy-region.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { ComponentFeatures } from './features.js';
import type { FrameLevel } from './frame-pyramid.js';
import type { KpcnNetwork } from './network.js';
import { hasJointKernels } from './tile-cost.js';

/** How a frame is read. */
export interface EncoderSettings {
  readonly encoder: string;
  /** What the colour is multiplied by. */
  readonly exposure: number;
  readonly irradiance: boolean;
}

/**
 * What a level of a frame is for every kernel that reads it, whatever lambda and the other frames: rasters in shared
 * memory. `spatial` [F] and `kernelDetail` [4(C+2)] have half the level's size, `embedding` [E] has its size.
 */
export interface LevelFeatures {
  readonly spatial: Raster;
  readonly kernelDetail: Raster;
  readonly embedding: Raster;
}

/**
 * What a level of a frame is for the frames of its window, at lambda = 1: rasters in shared memory. Light is not exposed.
 * `coarseEmbedding` [E] has half the level's size: means of cells of 2 x 2 pixels.
 */
export interface SingleFrameResult {
  readonly coarseEmbedding: Raster;
  /** Colour, then further planes, after the frame's own kernels. */
  readonly light: Raster;
  /** How much of the texture of the albedo they give back, [1]. */
  readonly gate: Raster;
  readonly albedo?: Raster;
  /** For networks whose kernels work on noisy frames: the planes of light as they were, and what pixels are compared by. */
  readonly radiance?: Raster;
  readonly embedding?: Raster;
}

/** The same for an area at even coordinates, as the network makes them: all at half resolution, for one tile at a time. */
export interface AreaFeatures {
  readonly spatial: Tensor;
  readonly kernelDetail: Tensor;
}

/** Channels of a raster, and how many pixels of the level, along a side, are one of its. */
export interface LevelRaster<Name extends string = string> {
  readonly name: Name;
  readonly channels: number;
  readonly scale: 1 | 2;
}

/** The rasters of {@link LevelFeatures}. */
export function featureRasters({
  featureChannels,
  contextChannels,
  embeddingChannels,
}: Architecture): LevelRaster<keyof LevelFeatures>[] {
  return [
    { name: 'spatial', channels: featureChannels, scale: 2 },
    { name: 'kernelDetail', channels: 4 * (contextChannels + 2), scale: 2 },
    { name: 'embedding', channels: embeddingChannels, scale: 1 },
  ];
}

/** The rasters of {@link SingleFrameResult} for so many planes of light. */
export function estimateRasters(
  architecture: Architecture,
  lights: number,
  hasAlbedo: boolean,
): LevelRaster<keyof SingleFrameResult>[] {
  const { embeddingChannels } = architecture;
  return [
    { name: 'coarseEmbedding', channels: embeddingChannels, scale: 2 },
    { name: 'light', channels: lights, scale: 1 },
    { name: 'gate', channels: 1, scale: 1 },
    ...(hasAlbedo ? [{ name: 'albedo', channels: 3, scale: 1 } as const] : []),
    ...(hasJointKernels(architecture)
      ? [
          { name: 'radiance', channels: lights, scale: 1 } as const,
          { name: 'embedding', channels: embeddingChannels, scale: 1 } as const,
        ]
      : []),
  ];
}

/** The modules that look at one frame. Not for use by two threads. */
export class FrameFeatures {
  private readonly memory = new TensorMemory();
  private readonly componentFeatures = new ComponentFeatures();

  constructor(private readonly network: KpcnNetwork) {}

  /** The features of the pixels of an area as the network sees them. */
  components(level: FrameLevel, area: Tile, { exposure, irradiance }: EncoderSettings): Tensor {
    return this.componentFeatures.compute(level, area, exposure, irradiance);
  }

  /**
   * Features of the area that `x` was made of, which is overwritten.
   * @param embedding [1,4E,h/2,w/2], written.
   */
  async compute(x: Tensor, encoder: string, embedding: Tensor): Promise<AreaFeatures> {
    const { featureChannels, contextChannels, embeddingChannels } = this.network.manifest.architecture;
    const [, , height, width] = embedding.shape;
    const kernelChannels = 4 * (contextChannels + 2);
    const features = this.memory.tensor('features', featureChannels, height, width);
    const detail = this.memory.tensor('detail', kernelChannels + 4 * embeddingChannels, height, width);
    await this.network.encode(x, encoder, features, detail);
    // In place of the input, which has done its part and is larger.
    const spatial = { data: x.data.subarray(0, features.data.length), shape: features.shape };
    await this.network.extractSpatialFeatures(features, spatial);
    const kernelDetail = channelsOf(detail, 0, kernelChannels);
    const embeddingDetail = channelsOf(detail, kernelChannels, 4 * embeddingChannels);
    await this.network.embed(spatial, embeddingDetail, embedding);
    return { spatial, kernelDetail };
  }

  /** Memory for the embedding of an area, for one tile at a time. */
  embeddingOf(area: Tile): Tensor {
    const { embeddingChannels } = this.network.manifest.architecture;
    return this.memory.tensor('embedding', 4 * embeddingChannels, area.height / 2, area.width / 2);
  }
}

/** Channels of a tensor, as a view. */
function channelsOf({ data, shape }: Tensor, first: number, channels: number): Tensor {
  const [, , height, width] = shape;
  const plane = height * width;
  return {
    data: data.subarray(first * plane, (first + channels) * plane),
    shape: [1, channels, height, width],
  };
}

/** Writes the features of a tile, a part of the area, into those of the whole level, and the means of its embedding. */
export function storeFeatures(
  { spatial, kernelDetail }: AreaFeatures,
  embedding: Tensor,
  area: Tile,
  tile: Tile,
  target: LevelFeatures,
  coarseEmbedding?: Raster,
): void {
  const [cells, cellTile] = [halved(area), halved(tile)];
  copyCells(spatial, cells, cellTile, target.spatial);
  copyCells(kernelDetail, cells, cellTile, target.kernelDetail);
  storeCells(embedding, cells, cellTile, target.embedding);
  if (coarseEmbedding !== undefined) storeMeans(embedding, cells, cellTile, coarseEmbedding);
}

/** Pixels of cells whose four are channels of their own. */
function storeCells({ data }: Tensor, area: Tile, tile: Tile, to: Raster): void {
  // Fields of rasters, whose objects have many shapes, are looked up once and not for every pixel; here and below.
  const { width, height, channels, data: pixels } = to;
  const plane = area.width * area.height;
  for (let c = 0; c < channels; c++) {
    for (let y = 2 * tile.y; y < 2 * (tile.y + tile.height); y++) {
      const left = (4 * c + 2 * (y % 2)) * plane + ((y >> 1) - area.y) * area.width + tile.x - area.x;
      let at = (c * height + y) * width + 2 * tile.x;
      for (let from = left; from < left + tile.width; from++, at += 2) {
        pixels[at] = data[from] as number;
        pixels[at + 1] = data[from + plane] as number;
      }
    }
  }
}

/** Means of cells whose four pixels are channels of their own. */
function storeMeans({ data }: Tensor, area: Tile, tile: Tile, to: Raster): void {
  const { width, height, channels, data: means } = to;
  const plane = area.width * area.height;
  const right = tile.x + tile.width;
  for (let c = 0; c < channels; c++) {
    for (let y = tile.y; y < tile.y + tile.height; y++) {
      const from = 4 * c * plane + (y - area.y) * area.width - area.x;
      const row = (c * height + y) * width;
      for (let x = tile.x; x < right; x++) {
        const at = from + x;
        const upper = (data[at] as number) + (data[at + plane] as number);
        const lower = (data[at + 2 * plane] as number) + (data[at + 3 * plane] as number);
        means[row + x] = (upper + lower) / 4;
      }
    }
  }
}

/** The cells, of two by two pixels, of an area at even coordinates. */
export function halved({ x, y, width, height }: Tile): Tile {
  return { x: x / 2, y: y / 2, width: width / 2, height: height / 2 };
}

function copyCells(from: Tensor, area: Tile, tile: Tile, to: Raster): void {
  const region = { ...tile, x: tile.x - area.x, y: tile.y - area.y };
  copyRegion({ ...area, data: from.data }, region, to.channels, to, tile);
}

/** Pixels around a tile that its features depend on. */
export function featureOverlap({ receptiveRadius }: ModelManifest): number {
  return 2 * Math.ceil(receptiveRadius.features / 2);
}
