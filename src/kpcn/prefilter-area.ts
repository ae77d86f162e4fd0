import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { type AuxiliaryBuffers, meanArea } from './auxiliary-buffers.js';
import { copyColumns } from './copy-columns.js';

/** Planes of a level: albedo 3, normal 3, the variance of each. */
export const PLANES = 8;
export const FILTERED = 6;

/** One level of a tile with its overlap, in WebAssembly memory. */
export interface Level {
  readonly width: number;
  readonly height: number;
  readonly noisy: readonly Float32Array[];
  readonly filtered: readonly Float32Array[];
  /** Variances of albedo and normals, averaged. */
  readonly noise: readonly Float32Array[];
  /** How much of the next coarser level is taken. */
  readonly weight: Float32Array;
  /** What is filtered of it. */
  readonly tile: Tile;
}

/** Whether a part of a level matters for any pixel with noise about: such pixels depend on the change of those near by. */
export function hasNoise({ width, height, noise }: Level, part: Tile, scale: number): boolean {
  const area = {
    x: scale * part.x,
    y: scale * part.y,
    width: scale * part.width,
    height: scale * part.height,
  };
  const { x: left, y: top, ...size } = meanArea(area, { width, height });
  return noise.some((variance) => {
    for (let y = top; y < top + size.height; y++) {
      const end = y * width + left + size.width;
      for (let i = y * width + left; i < end; i++) if ((variance[i] as number) > 0) return true;
    }
    return false;
  });
}

/** One channel of an area that may reach beyond the raster, whose border repeats; zeros where there is none. */
export function copyArea(from: Raster | undefined, channel: number, area: Tile, to: Float32Array): void {
  if (from === undefined) {
    to.fill(0);
    return;
  }
  const { width, height, data } = from;
  for (let y = 0; y < area.height; y++) {
    const row = Math.min(Math.max(area.y + y, 0), height - 1);
    const begin = (channel * height + row) * width;
    copyColumns(data, begin, width, to, y * area.width, area.x, area.width);
  }
}

/** Writes what of a tile lies within the frame. */
export function write(
  target: AuxiliaryBuffers,
  area: Tile,
  tile: Tile,
  { width, height }: Raster,
  planes: readonly Float32Array[],
): void {
  const columns = Math.min(tile.width, width - tile.x);
  const rows = Math.min(tile.height, height - tile.y);
  const { albedo, albedoVariance, normal, normalVariance } = target;
  const groups = [
    { to: albedo, first: 0 },
    { to: normal, first: 3 },
    { to: albedoVariance, first: FILTERED },
    { to: normalVariance, first: FILTERED + 1 },
  ];
  for (const { to, first } of groups) {
    if (to === undefined) continue;
    for (let c = 0; c < to.channels; c++) {
      const channel = plane(to, c);
      const from = planes[first + c] as Float32Array;
      for (let y = 0; y < rows; y++) {
        const begin = (tile.y - area.y + y) * area.width + tile.x - area.x;
        channel.set(from.subarray(begin, begin + columns), (tile.y + y) * to.width + tile.x);
      }
    }
  }
}
