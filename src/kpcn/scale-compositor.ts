import type { Tensor } from '../engine/engine.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { COLOR_CHANNELS } from './frame-pyramid.js';

/** Writes the colour of a tile, multiplied by the exposure, into a tensor [1,3,h,w]. */
export function exposedColor(image: Raster, tile: Tile, exposure: number, tensor: Tensor): void {
  const { width, height } = tile;
  const { data } = tensor;
  // Fields of rasters, whose objects have many shapes, are looked up once and not for every pixel; here and below.
  const { data: light, width: columns, height: rows } = image;
  for (let c = 0; c < COLOR_CHANNELS; c++) {
    for (let y = 0; y < height; y++) {
      const from = (c * rows + tile.y + y) * columns + tile.x;
      const to = (c * height + y) * width;
      for (let x = 0; x < width; x++) data[to + x] = exposure * (light[from + x] as number);
    }
  }
}

/** Half the size and position of a tile at even coordinates: the same pixels, one level up. */
export function coarserTile(tile: Tile): Tile {
  return { x: tile.x / 2, y: tile.y / 2, width: tile.width / 2, height: tile.height / 2 };
}

/** A blend weight in [0, 1] for every pixel of an area of the finer level. */
export interface BlendWeight {
  readonly area: Tile;
  readonly data: Float32Array;
}

/**
 * Equation 5 of Vogels et al. 2018, o = f - w U(D(f)) + w U(c): the low frequencies of the fine level give way to the
 * coarse one by the blend weight. For all planes of a tile at even coordinates.
 */
export function composite(
  fine: Raster,
  coarse: Raster,
  blendWeight: BlendWeight,
  target: Raster,
  tile: Tile,
): void {
  const { area, data: weights } = blendWeight;
  const { width, height, channels, data } = fine;
  const { data: coarser, width: columns, height: rows } = coarse;
  const { data: composited } = target;
  const [right, bottom] = [tile.x + tile.width, tile.y + tile.height];
  for (let c = 0; c < channels; c++) {
    for (let y = tile.y; y < bottom; y += 2) {
      let at = (c * height + y) * width + tile.x;
      let cell = (c * rows + y / 2) * columns + tile.x / 2;
      let w = (y - area.y) * area.width + tile.x - area.x;
      for (let x = tile.x; x < right; x += 2, at += 2, cell++, w += 2) {
        const f00 = data[at] as number;
        const f01 = data[at + 1] as number;
        const f10 = data[at + width] as number;
        const f11 = data[at + width + 1] as number;
        const difference = (coarser[cell] as number) - (f00 + f01 + f10 + f11) / 4;
        composited[at] = f00 + (weights[w] as number) * difference;
        composited[at + 1] = f01 + (weights[w + 1] as number) * difference;
        composited[at + width] = f10 + (weights[w + area.width] as number) * difference;
        composited[at + width + 1] = f11 + (weights[w + area.width + 1] as number) * difference;
      }
    }
  }
}

/**
 * Lowers blend weights, in place, where equation 5 would make a channel of the colour negative that is not negative in the
 * fine level, which happens where a pixel is much darker than the others of its cell. All planes share the weight, so that
 * sums of planes are kept and grey stays grey.
 * @param area at even coordinates, which the weights are of.
 */
export function limitBlendWeight(fine: Raster, coarse: Raster, { area, data: weights }: BlendWeight): void {
  const { width, height, channels, data } = fine;
  const { data: coarser, width: columns, height: rows } = coarse;
  const [right, bottom] = [area.x + area.width, area.y + area.height];
  for (let c = 0; c < Math.min(channels, COLOR_CHANNELS); c++) {
    for (let y = area.y; y < bottom; y += 2) {
      let at = (c * height + y) * width + area.x;
      let cell = (c * rows + y / 2) * columns + area.x / 2;
      let w = (y - area.y) * area.width;
      for (let x = area.x; x < right; x += 2, at += 2, cell++, w += 2) {
        const f00 = data[at] as number;
        const f01 = data[at + 1] as number;
        const f10 = data[at + width] as number;
        const f11 = data[at + width + 1] as number;
        const difference = (coarser[cell] as number) - (f00 + f01 + f10 + f11) / 4;
        if (difference >= 0) continue;
        weights[w] = limited(weights[w] as number, f00, difference);
        weights[w + 1] = limited(weights[w + 1] as number, f01, difference);
        weights[w + area.width] = limited(weights[w + area.width] as number, f10, difference);
        weights[w + area.width + 1] = limited(weights[w + area.width + 1] as number, f11, difference);
      }
    }
  }
}

/** Slightly less than 1, so that rounding to float32 does not make a result negative. */
const ROUNDED_DOWN = 1 - 2 ** -22;

function limited(weight: number, value: number, difference: number): number {
  return value >= 0 && value + weight * difference < 0 ? (ROUNDED_DOWN * value) / -difference : weight;
}
