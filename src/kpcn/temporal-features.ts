import type { Tensor } from '../engine/engine.js';
import { NETWORK_CONSTANTS, type NetworkConstants } from '../engine/model-manifest.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { copyRegion } from '../image/copy-region.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { ALBEDO_CHANNELS } from './frame-pyramid.js';

/** Slots of the frames of a window: offsets from the centre, in the order of the network's channels. */
export const NEIGHBOR_OFFSETS = [-3, -2, -1, 1, 2, 3] as const;

/** What the neighbourhoods of two frames are compared by. Light is not exposed. */
export interface GuidedLevel {
  /** Means of the embeddings of cells of 2 x 2 pixels, at half the level's size. */
  readonly coarseEmbedding: Raster;
  /** Denoised colour, then further planes, of the level's size. */
  readonly light: Raster;
  readonly albedo?: Raster;
}

/** Another frame of the window. */
export interface GuidedFrame extends GuidedLevel {
  readonly slot: number;
  /** From each cell of the centre frame to its place, in cells, 2 channels; NaN where it is not known. */
  readonly coarserMotion: Raster;
}

/** Cells on a side that SIMD works on. */
const LANES = 4;
const LIGHT_CHANNELS = 3;

/** Tells how the frames of a window differ from its centre. Not for use by two threads. */
export class WindowFeatures {
  readonly #build: WasmBuild;
  readonly #call: Readonly<
    Record<'placeRow' | 'differRow' | 'poolRow' | 'poolLightRow', (...parameters: readonly number[]) => void>
  >;

  /** @param simd the build to run; by default the fastest that this process can run. */
  constructor(simd?: Simd, constants: NetworkConstants = NETWORK_CONSTANTS) {
    this.#build = new WasmBuild('gather-features', simd);
    this.#build.setConstants(constants);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      placeRow: call('placeRow'),
      differRow: call('differRow'),
      poolRow: call('poolRow'),
      poolLightRow: call('poolLightRow'),
    };
  }

  /**
   * Differences in an area of cells, [1, 6G + 6, h, w]: for each of the other slots how far its G guides, fetched along motion
   * bilinearly between cells, are from those of the centre, 0 where there is no such frame or the place is outside of it or
   * not known; then for each of them a mask, 1 where it is there. Guides are the embedding, the logarithm of exposed light
   * and the albedo, the last two times the guide scale. It takes the place of the last one.
   */
  differences(
    center: GuidedLevel,
    frames: readonly GuidedFrame[],
    { area, exposure }: { readonly area: Tile; readonly exposure: number },
  ): Tensor {
    const channels = center.coarseEmbedding.channels + LIGHT_CHANNELS + ALBEDO_CHANNELS;
    const { width, height } = area;
    const size = width * height;
    const slots = NEIGHBOR_OFFSETS.length;
    const regions = new Map(frames.map((frame) => [frame.slot, regionOf(frame.coarserMotion, area)]));
    const widest = [...regions.values(), area].reduce(
      (most, region) => Math.max(most, region?.width ?? 0),
      0,
    );
    const largest = [...regions.values()].reduce(
      (most, region) => Math.max(most, (region?.width ?? 0) * (region?.height ?? 0)),
      0,
    );
    const rowLength = Math.ceil(width / LANES) * LANES;
    const pixelRow = 2 * Math.ceil(widest / LANES) * LANES;
    const frameLength = channels * size;
    const [data, own, region, motion, offsets, right, down, pixels] = this.#build.allocate(
      slots * (frameLength + size),
      // Four values are read and written where one is needed.
      frameLength + LANES,
      largest * channels + LANES,
      2 * rowLength,
      rowLength,
      rowLength,
      rowLength,
      2 * pixelRow,
    );
    this.#guide(center, area, exposure, own, pixels);
    for (let slot = 0; slot < slots; slot++) {
      const first = slot * frameLength;
      const mask = slots * frameLength + slot * size;
      const frame = frames.find((other) => other.slot === slot);
      const from = regions.get(slot);
      if (frame === undefined || from === undefined) {
        data.fill(0, first, first + frameLength);
        data.fill(0, mask, mask + size);
        continue;
      }
      this.#guide(frame, from, exposure, region, pixels);
      const { width: frameWidth, height: frameHeight } = frame.coarseEmbedding;
      const [x, y] = [plane(frame.coarserMotion, 0), plane(frame.coarserMotion, 1)];
      for (let row = 0; row < height; row++) {
        const begin = (area.y + row) * frameWidth + area.x;
        motion.set(x.subarray(begin, begin + width));
        motion.set(y.subarray(begin, begin + width), rowLength);
        this.#call.placeRow(
          ...([width, area.x, area.y + row, frameWidth, frameHeight] as const),
          ...([motion.byteOffset, motion.byteOffset + 4 * rowLength] as const),
          ...([from.x, from.y, 4 * from.width] as const),
          ...([offsets.byteOffset, right.byteOffset, down.byteOffset] as const),
          data.byteOffset + 4 * (mask + row * width),
        );
        this.#call.differRow(
          ...([width, channels, region.byteOffset, 4 * from.width * from.height] as const),
          ...([frameWidth > 1 ? 4 : 0, frameHeight > 1 ? 4 * from.width : 0] as const),
          ...([offsets.byteOffset, right.byteOffset, down.byteOffset] as const),
          own.byteOffset + 4 * row * width,
          ...([data.byteOffset + 4 * (first + row * width), 4 * size] as const),
        );
      }
    }
    return { data, shape: [1, slots * (channels + 1), height, width] };
  }

  /** The guides of an area of cells, [G,h,w]. `pixels` has space for two rows of pixels. */
  #guide(level: GuidedLevel, area: Tile, exposure: number, to: Float32Array, pixels: Float32Array): void {
    const { coarseEmbedding, light, albedo } = level;
    copyTile(coarseEmbedding, area, to);
    const size = area.width * area.height;
    const upper = pixels.byteOffset;
    const lower = upper + 2 * pixels.length;
    const pool = (from: Raster, c: number, at: number, call: (cells: number) => void): void => {
      for (let y = 0; y < area.height; y++) {
        for (let half = 0; half < 2; half++) {
          const begin = (c * from.height + 2 * (area.y + y) + half) * from.width + 2 * area.x;
          pixels.set(from.data.subarray(begin, begin + 2 * area.width), (half * pixels.length) / 2);
        }
        call(to.byteOffset + 4 * (at + y * area.width));
      }
    };
    for (let c = 0; c < LIGHT_CHANNELS; c++) {
      pool(light, c, (coarseEmbedding.channels + c) * size, (cells) =>
        this.#call.poolLightRow(area.width, upper, lower, exposure, cells),
      );
    }
    const first = (coarseEmbedding.channels + LIGHT_CHANNELS) * size;
    if (albedo === undefined) to.fill(0, first, first + ALBEDO_CHANNELS * size);
    for (let c = 0; albedo !== undefined && c < ALBEDO_CHANNELS; c++) {
      pool(albedo, c, first + c * size, (cells) => this.#call.poolRow(area.width, upper, lower, cells));
    }
  }
}

/** The cells of another frame that an area's features are fetched from; undefined where it has none. */
function regionOf(motion: Raster, area: Tile): Tile | undefined {
  const { width, height } = motion;
  const [right, down] = [plane(motion, 0), plane(motion, 1)];
  let [left, top, end, bottom] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1];
  for (let row = area.y; row < area.y + area.height; row++) {
    for (let column = area.x; column < area.x + area.width; column++) {
      const i = row * width + column;
      const x = column + (right[i] as number);
      const y = row + (down[i] as number);
      if (!(x >= 0 && x <= width - 1 && y >= 0 && y <= height - 1)) continue;
      if (x < left) left = x;
      if (x > end) end = x;
      if (y < top) top = y;
      if (y > bottom) bottom = y;
    }
  }
  if (end < 0) return undefined;
  // The cells before and after, for those in between; one more because of rounding.
  const [x0, y0] = [Math.max(Math.floor(left) - 1, 0), Math.max(Math.floor(top) - 1, 0)];
  const [x1, y1] = [Math.min(Math.floor(end) + 2, width - 1), Math.min(Math.floor(bottom) + 2, height - 1)];
  return { x: x0, y: y0, width: x1 - x0 + 1, height: y1 - y0 + 1 };
}

/** Copies a tile of all channels. */
export function copyTile(from: Raster, tile: Tile, to: Float32Array): void {
  copyRegion(from, tile, from.channels, { ...tile, data: to });
}
