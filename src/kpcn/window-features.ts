import type { Tensor } from '../engine/engine.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Slots of the frames of a window: offsets from the centre, in the order of the network's channels. */
export const NEIGHBOR_OFFSETS = [-3, -2, -1, 1, 2, 3] as const;

/** Features of another frame of the window. */
export interface GatheredFrame {
  readonly slot: number;
  /** Of the whole level, at the resolution of the motion. */
  readonly spatial: Raster;
  /** From each cell of the centre frame to its place, in cells, 2 channels; NaN where it is not known. */
  readonly motion: Raster;
}

/** Cells on a side that SIMD works on. */
const LANES = 4;

/** Brings the features of a window to where they are in its centre. Not for use by two threads. */
export class WindowFeatures {
  readonly #build: WasmBuild;
  readonly #placeRow: (...parameters: readonly number[]) => void;
  readonly #gatherRow: (...parameters: readonly number[]) => void;

  /** @param simd the build to run; by default the fastest that this process can run. */
  constructor(simd?: Simd) {
    this.#build = new WasmBuild('gather-features', simd);
    this.#placeRow = this.#build.function('placeRow');
    this.#gatherRow = this.#build.function('gatherRow');
  }

  /**
   * The window of an area, [1, 7F + 6, h, w]: F features of each of the slots -3 to 3, those of the others fetched along
   * motion, bilinearly between cells, 0 where there is no such frame or the place is outside of it or not known; then for
   * each of the others a mask, 1 where its features are there. It takes the place of the last one.
   */
  gather(center: Raster, frames: readonly GatheredFrame[], area: Tile): Tensor {
    const { channels } = center;
    const { width, height } = area;
    const size = width * height;
    const slots = NEIGHBOR_OFFSETS.length;
    const regions = new Map(frames.map((frame) => [frame.slot, regionOf(frame, area)]));
    const largest = [...regions.values()].reduce(
      (most, region) => Math.max(most, (region?.width ?? 0) * (region?.height ?? 0)),
      0,
    );
    const rowLength = Math.ceil(width / LANES) * LANES;
    const length = ((slots + 1) * channels + slots) * size;
    const [data, region, motion, offsets, right, down] = this.#build.allocate(
      length,
      // Four values are read where one is needed.
      largest * channels + LANES,
      2 * rowLength,
      rowLength,
      rowLength,
      rowLength,
    );
    const middle = slots / 2;
    const frameLength = channels * size;
    copyTile(center, area, data.subarray(middle * frameLength, (middle + 1) * frameLength));
    for (let slot = 0; slot < slots; slot++) {
      const first = (slot < middle ? slot : slot + 1) * frameLength;
      const mask = (slots + 1) * frameLength + slot * size;
      const frame = frames.find((other) => other.slot === slot);
      const from = regions.get(slot);
      if (frame === undefined || from === undefined) {
        data.fill(0, first, first + frameLength);
        data.fill(0, mask, mask + size);
        continue;
      }
      copyTile(frame.spatial, from, region);
      const { width: frameWidth, height: frameHeight } = frame.spatial;
      const [x, y] = [plane(frame.motion, 0), plane(frame.motion, 1)];
      for (let row = 0; row < height; row++) {
        const begin = (area.y + row) * frameWidth + area.x;
        motion.set(x.subarray(begin, begin + width));
        motion.set(y.subarray(begin, begin + width), rowLength);
        this.#placeRow(
          ...([width, area.x, area.y + row, frameWidth, frameHeight] as const),
          ...([motion.byteOffset, motion.byteOffset + 4 * rowLength] as const),
          ...([from.x, from.y, 4 * from.width] as const),
          ...([offsets.byteOffset, right.byteOffset, down.byteOffset] as const),
          data.byteOffset + 4 * (mask + row * width),
        );
        this.#gatherRow(
          ...([width, channels, region.byteOffset, 4 * from.width * from.height] as const),
          ...([frameWidth > 1 ? 4 : 0, frameHeight > 1 ? 4 * from.width : 0] as const),
          ...([offsets.byteOffset, right.byteOffset, down.byteOffset] as const),
          ...([data.byteOffset + 4 * (first + row * width), 4 * size] as const),
        );
      }
    }
    return { data, shape: [1, (slots + 1) * channels + slots, height, width] };
  }
}

/** The cells of another frame that an area's features are fetched from; undefined where it has none. */
function regionOf({ motion }: GatheredFrame, area: Tile): Tile | undefined {
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
  for (let c = 0; c < from.channels; c++) {
    for (let y = 0; y < tile.height; y++) {
      const begin = (c * from.height + tile.y + y) * from.width + tile.x;
      to.set(from.data.subarray(begin, begin + tile.width), (c * tile.height + y) * tile.width);
    }
  }
}
