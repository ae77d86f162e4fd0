import type { Tensor } from '../engine/engine.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';
import { COLOR_CHANNELS } from './picture.js';

/** Writes the colour of a tile, multiplied by the exposure, into a tensor [1,3,h,w]. */
export function exposedColor(image: Raster, tile: Tile, exposure: number, tensor: Tensor): void {
  const { width, height } = tile;
  const { data } = tensor;
  for (let c = 0; c < COLOR_CHANNELS; c++) {
    for (let y = 0; y < height; y++) {
      const from = (c * image.height + tile.y + y) * image.width + tile.x;
      const to = (c * height + y) * width;
      for (let x = 0; x < width; x++) data[to + x] = exposure * (image.data[from + x] as number);
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
  const { width } = fine;
  for (let c = 0; c < fine.channels; c++) {
    for (let y = tile.y; y < tile.y + tile.height; y += 2) {
      for (let x = tile.x; x < tile.x + tile.width; x += 2) {
        const at = (c * fine.height + y) * width + x;
        const f00 = fine.data[at] as number;
        const f01 = fine.data[at + 1] as number;
        const f10 = fine.data[at + width] as number;
        const f11 = fine.data[at + width + 1] as number;
        const difference =
          (coarse.data[(c * coarse.height + y / 2) * coarse.width + x / 2] as number) -
          (f00 + f01 + f10 + f11) / 4;
        const w = (y - area.y) * area.width + x - area.x;
        target.data[at] = f00 + (weights[w] as number) * difference;
        target.data[at + 1] = f01 + (weights[w + 1] as number) * difference;
        target.data[at + width] = f10 + (weights[w + area.width] as number) * difference;
        target.data[at + width + 1] = f11 + (weights[w + area.width + 1] as number) * difference;
      }
    }
  }
}
