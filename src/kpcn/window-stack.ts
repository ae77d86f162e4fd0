import { type Tensor, TensorMemory } from '../engine/engine.js';
import type { Architecture } from '../engine/model-manifest.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { halved } from './frame-features.js';
import { ALBEDO_CHANNELS, COLOR_CHANNELS } from './frame-pyramid.js';
import { copyTile, NEIGHBOR_OFFSETS } from './temporal-features.js';
import type { NeighborLevel } from './tile-tasks.js';
import { cellPlace, windowRegions } from './window-regions.js';

/** As far out of any frame as motion leads that leads further, or that is not known. */
const FAR = 1e6;

/** Brings the other frames of a window to the window's graph. Its tensors are overwritten by the next call. */
export class WindowStack {
  readonly #memory = new TensorMemory();

  constructor(private readonly architecture: Architecture) {}

  /** The inputs of `WindowGraph` in `gpu_graphs.py` that hold the other frames, for an area of the center. */
  inputs(frames: readonly NeighborLevel[], area: Tile): Record<string, Tensor> {
    const { neighborKernelSize, embeddingChannels } = this.architecture;
    const count = frames.length;
    const regions = windowRegions(frames, area, neighborKernelSize >> 1);
    const [{ width, height }, { estimate: first }] = [regions[0] as Tile, frames[0] as NeighborLevel];
    const channels = first.light.channels + ALBEDO_CHANNELS;
    const stack = (name: string, of: number, rows: number, columns: number): Tensor =>
      this.#memory.tensor(name, of, count * rows, columns);
    const planes = stack('other_planes', channels, height, width);
    const embeddings = stack('other_embeddings', embeddingChannels, height / 2, width / 2);
    const motions = stack('motion', 2, area.height, area.width);
    const places = stack('cell_places', 2, area.height / 2, area.width / 2);
    for (const [n, { estimate, motion, coarserMotion }] of frames.entries()) {
      const region = regions[n] as Tile;
      copyPlanes(estimate.light, estimate.albedo, region, planes, n);
      copyStacked(estimate.coarseEmbedding, 0, halved(region), embeddings, n);
      copyMotion(motion, area, motions, n);
      copyPlaces(coarserMotion, halved(area), halved(region), places, n);
    }
    const slots = frames.map(({ slot }) => slot);
    const order = NEIGHBOR_OFFSETS.map((_, slot) => (slots.includes(slot) ? slots.indexOf(slot) : count));
    return {
      ...{ other_planes: planes, other_embeddings: embeddings, motion: motions, cell_places: places },
      columns: {
        ...counted(
          regions.map(({ x }) => area.x - x),
          area.width,
        ),
        shape: [1, count, 1, area.width],
      },
      rows: {
        ...counted(
          regions.map(({ y }) => area.y - y),
          area.height,
        ),
        shape: [1, count, area.height, 1],
      },
      numbers: list([...slots.keys()]),
      slots: list(slots),
      order: list(order),
    };
  }
}

/** Color, albedo (zeros without one) and further planes, in this order, as number `n` of parts that lie below each other. */
export function copyPlanes(light: Raster, albedo: Raster | undefined, part: Tile, to: Tensor, n = 0): void {
  const size = COLOR_CHANNELS * light.width * light.height;
  const color = { ...light, channels: COLOR_CHANNELS, data: light.data.subarray(0, size) };
  const further = { ...light, channels: light.channels - COLOR_CHANNELS, data: light.data.subarray(size) };
  copyStacked(color, 0, part, to, n);
  copyStacked(further, COLOR_CHANNELS + ALBEDO_CHANNELS, part, to, n);
  if (albedo !== undefined) {
    copyStacked(albedo, COLOR_CHANNELS, part, to, n);
    return;
  }
  const [, , rows, width] = to.shape;
  to.data.fill(0, COLOR_CHANNELS * rows * width, (COLOR_CHANNELS + ALBEDO_CHANNELS) * rows * width);
}

/** Copies the channels of a part of a raster to channels from `first` on, as number `n` of parts that lie below each other. */
function copyStacked(from: Raster, first: number, part: Tile, to: Tensor, n: number): void {
  const [, , rows, width] = to.shape;
  for (let c = 0; c < from.channels; c++) {
    const begin = ((first + c) * rows + n * part.height) * width;
    const target = to.data.subarray(begin, begin + part.height * width);
    copyTile({ ...from, channels: 1, data: plane(from, c) }, part, target);
  }
}

function copyMotion(from: Raster, area: Tile, to: Tensor, n: number): void {
  copyStacked(from, 0, area, to, n);
  const [, channels, rows, width] = to.shape;
  for (let c = 0; c < channels; c++) {
    const begin = (c * rows + n * area.height) * width;
    for (let i = begin; i < begin + area.height * width; i++) {
      if (!(Math.abs(to.data[i] as number) < FAR)) to.data[i] = FAR;
    }
  }
}

/** Where the cells of an area have their places in a region; -1 for those that are out of the frame or not known. */
function copyPlaces(motion: Raster, area: Tile, region: Tile, to: Tensor, n: number): void {
  const [right, down] = [plane(motion, 0), plane(motion, 1)];
  const [, , rows, width] = to.shape;
  let at = n * area.height * width;
  for (let row = area.y; row < area.y + area.height; row++) {
    for (let column = area.x; column < area.x + area.width; column++, at++) {
      const i = row * motion.width + column;
      const x = cellPlace(column, right[i] as number);
      const y = cellPlace(row, down[i] as number);
      const inside = x >= 0 && x <= motion.width - 1 && y >= 0 && y <= motion.height - 1;
      to.data[at] = inside ? x - region.x : -1;
      to.data[at + rows * width] = inside ? y - region.y : -1;
    }
  }
}

/** `length` numbers from each of the first ones on, upwards. */
function counted(firsts: readonly number[], length: number): Pick<Tensor, 'data'> {
  const numbers = firsts.flatMap((first) => Array.from({ length }, (_, i) => first + i));
  return { data: Float32Array.from(numbers) };
}

function list(values: readonly number[]): Tensor {
  return { data: Float32Array.from(values), shape: [1, values.length, 1, 1] };
}
