import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { ModelBundle } from '../engine/model-repository.js';
import { plane, type Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/tile.js';
import { ComponentFeatures } from './features.js';
import { type FrameReading, halved, type LevelEstimate, type LevelFeatures } from './frame-features.js';
import { levelGraph } from './level-graph.js';
import {
  type FilteredFrame,
  joinOverlap,
  type LevelTask,
  type NeighborLevel,
  type Stopwatch,
  tileOverlap,
  type WindowTask,
} from './network.js';
import { COLOR_CHANNELS, type FrameLevel } from './picture.js';
import { copyTile, NEIGHBOR_OFFSETS } from './window-features.js';
import { windowGraph } from './window-graph.js';
import { cellPlace, windowRegions } from './window-regions.js';

/** What windows need of a level of a frame besides its light: rasters in shared memory. */
export type KeptFeatures = Pick<LevelFeatures, 'spatial'> & Pick<LevelEstimate, 'coarseEmbedding'>;

/**
 * Filters levels of frames and joins those of windows on the device of an engine, with one graph each for networks and kernels,
 * see {@link levelGraph} and {@link windowGraph}. Graphs are made when they are first needed and stay loaded. Not for use by two
 * threads.
 */
export class DeviceNetwork {
  readonly #graphs = new Map<string, Promise<NetworkModule>>();
  readonly #memory = new TensorMemory();
  readonly #componentFeatures = new ComponentFeatures();

  constructor(
    private readonly bundle: ModelBundle,
    private readonly engine: Engine,
  ) {}

  /**
   * What `KpcnNetwork.denoiseTile` does.
   * @param kept of the frame for its window, written.
   * @throws QuietframeError `device-unavailable` when the device does not take the graph or fails.
   */
  async denoiseTile(
    task: LevelTask<FilteredFrame & FrameLevel>,
    reading: FrameReading,
    tile: Tile,
    time: Stopwatch,
    kept?: KeptFeatures,
  ): Promise<void> {
    const { level, irradiance, logLambda, colors } = task;
    const { manifest } = this.bundle;
    const area = grow(tile, tileOverlap(manifest, logLambda !== undefined), level.width, level.height);
    const { width, height } = area;
    const albedo = irradiance ? undefined : level.albedo;
    const options = { hasAlbedo: albedo !== undefined, hasLambda: logLambda !== undefined };
    const { encoder } = reading;
    const graph = await this.#graph(`frames ${encoder}`, options, () =>
      levelGraph(this.bundle, { ...options, encoder }),
    );

    const lap = laps(time);
    const x = this.#componentFeatures.compute(level, area, reading.exposure, irradiance);
    const channels = level.radiance.channels + (albedo?.channels ?? 0);
    const planes = this.#memory.tensor('planes', channels, height, width);
    copyPlanes(level.radiance, albedo, [area], planes);
    const inputs: Record<string, Tensor> = { x, planes };
    if (logLambda !== undefined) inputs.log_lambda = this.#tensorOf('log_lambda', logLambda, halved(area));
    const outputs: Record<string, Tensor> = {
      filtered: this.#memory.tensor('filtered', channels, height, width),
      ...(albedo && { texture: this.#memory.tensor('texture', COLOR_CHANNELS, height, width) }),
      ...(task.gate && { gate: this.#memory.tensor('gate', 1, height, width) }),
    };
    for (const [name, { channels: count }] of kept === undefined ? [] : keptOutputs(kept)) {
      outputs[name] = this.#memory.tensor(name, count, height / 2, width / 2);
    }
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.filtered as Tensor, outputs.texture, { area, tile, colors }, level.denoised);
    if (task.gate !== undefined) storeTensor(outputs.gate as Tensor, area, tile, task.gate);
    for (const [name, target] of kept === undefined ? [] : keptOutputs(kept)) {
      storeTensor(outputs[name] as Tensor, halved(area), halved(tile), target);
    }
    lap('kernels');
  }

  /**
   * What `KpcnNetwork.joinTile` does.
   * @throws QuietframeError `device-unavailable` when the device does not take the graph or fails.
   */
  async joinTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { estimate, own, neighbors, logLambda, colors, denoised } = task;
    const { manifest } = this.bundle;
    const area = grow(tile, joinOverlap(manifest, logLambda !== undefined), own.width, own.height);
    const { albedo } = estimate;
    const hasAlbedo = albedo !== undefined;
    const options = {
      ...{ hasAlbedo, hasTexture: hasAlbedo && !task.irradiance, hasLambda: logLambda !== undefined },
    };
    const graph = await this.#graph('windows', options, () => windowGraph(this.bundle, options));

    const lap = laps(time);
    const { width, height } = area;
    const channels = own.channels + (albedo?.channels ?? 0);
    const planesOf = (name: string, light: Raster): Tensor => {
      const planes = this.#memory.tensor(name, channels, height, width);
      copyPlanes(light, albedo, [area], planes);
      return planes;
    };
    const inputs: Record<string, Tensor> = {
      planes: planesOf('planes', estimate.light),
      spatial: this.#tensorOf('spatial', task.spatial, halved(area)),
      embedding: this.#tensorOf('embedding', estimate.coarseEmbedding, halved(area)),
      exposure: { data: Float32Array.of(task.exposure), shape: [1, 1, 1, 1] },
      ...this.#stack(neighbors, area, channels),
    };
    if (options.hasTexture) inputs.gate = this.#tensorOf('gate', estimate.gate, area);
    if (logLambda !== undefined) {
      inputs.own = planesOf('own', own);
      inputs.log_lambda = this.#tensorOf('log_lambda', logLambda, halved(area));
    }
    const outputs: Record<string, Tensor> = {
      joined: this.#memory.tensor('joined', channels, height, width),
      ...(options.hasTexture && { texture: this.#memory.tensor('texture', COLOR_CHANNELS, height, width) }),
    };
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.joined as Tensor, outputs.texture, { area, tile, colors }, denoised);
    lap('kernels');
  }

  /** What a graph of windows reads of the other frames, below each other. */
  #stack(neighbors: readonly NeighborLevel[], area: Tile, channels: number): Record<string, Tensor> {
    const count = neighbors.length;
    const radius = this.bundle.manifest.architecture.neighborKernelSize >> 1;
    const regions = windowRegions(neighbors, area, radius);
    const { width, height } = regions[0] as Tile;
    const { embeddingChannels } = this.bundle.manifest.architecture;
    const tensor = (name: string, of: number, rows: number, columns: number): Tensor =>
      this.#memory.tensor(name, of, rows, columns);
    const planes = tensor('other_planes', channels, count * height, width);
    const embeddings = tensor('other_embeddings', embeddingChannels, (count * height) / 2, width / 2);
    const motion = tensor('motion', 2, count * area.height, area.width);
    const places = tensor('cell_places', 2, (count * area.height) / 2, area.width / 2);
    const columns: number[] = [];
    const rows: number[] = [];
    for (const [n, { estimate, ...moved }] of neighbors.entries()) {
      const region = regions[n] as Tile;
      copyPlanes(estimate.light, estimate.albedo, regions, planes, n);
      copyStacked(estimate.coarseEmbedding, 0, halved(region), embeddings, n);
      copyMotion(moved.motion, area, motion, n);
      copyPlaces(moved.coarserMotion, halved(area), halved(region), places, n);
      for (let x = 0; x < area.width; x++) columns.push(area.x - region.x + x);
      for (let y = 0; y < area.height; y++) rows.push(area.y - region.y + y);
    }
    const list = (values: readonly number[], rowsOfEach: number, columnsOfEach: number): Tensor => ({
      data: Float32Array.from(values),
      shape: [1, values.length / rowsOfEach / columnsOfEach, rowsOfEach, columnsOfEach],
    });
    const slots = neighbors.map(({ slot }) => slot);
    const order = NEIGHBOR_OFFSETS.map((_, slot) => (slots.includes(slot) ? slots.indexOf(slot) : count));
    return {
      ...{ other_planes: planes, other_embeddings: embeddings, motion, cell_places: places },
      columns: list(columns, 1, area.width),
      rows: list(rows, area.height, 1),
      numbers: list([...slots.keys()], 1, 1),
      slots: list(slots, 1, 1),
      order: list(order, 1, 1),
    };
  }

  /** A part of a raster. */
  #tensorOf(name: string, from: Raster, area: Tile): Tensor {
    const tensor = this.#memory.tensor(name, from.channels, area.height, area.width);
    copyTile(from, area, tensor.data);
    return tensor;
  }

  #graph(kind: string, options: object, make: () => Uint8Array): Promise<NetworkModule> {
    const key = [kind, ...Object.values(options)].join(' ');
    const { name, version } = this.bundle.manifest;
    const loaded = this.#graphs.get(key) ?? this.engine.load(`the graph of ${name}@${version}`, make());
    this.#graphs.set(key, loaded);
    return loaded;
  }
}

/** Tells the time since the last call, from now on. */
function laps(time: Stopwatch): (part: Parameters<Stopwatch>[0]) => void {
  let start = performance.now();
  return (part) => {
    const now = performance.now();
    time(part, now - start);
    start = now;
  };
}

function keptOutputs({ spatial, coarseEmbedding }: KeptFeatures): [string, Raster][] {
  return [
    ['spatial', spatial],
    ['coarse_embedding', coarseEmbedding],
  ];
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

/** Colour, albedo and further planes, in this order, of number `n` of parts that lie below each other. */
function copyPlanes(
  light: Raster,
  albedo: Raster | undefined,
  parts: readonly Tile[],
  to: Tensor,
  n = 0,
): void {
  const part = parts[n] as Tile;
  if (albedo === undefined) {
    copyStacked(light, 0, part, to, n);
    return;
  }
  const size = COLOR_CHANNELS * light.width * light.height;
  const color = { ...light, channels: COLOR_CHANNELS, data: light.data.subarray(0, size) };
  const further = { ...light, channels: light.channels - COLOR_CHANNELS, data: light.data.subarray(size) };
  copyStacked(color, 0, part, to, n);
  copyStacked(albedo, COLOR_CHANNELS, part, to, n);
  copyStacked(further, COLOR_CHANNELS + albedo.channels, part, to, n);
}

/** As far out of any frame as motion leads that leads further, or that is not known. */
const FAR = 1e6;

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
  const [, , rows] = to.shape;
  let at = n * area.height * area.width;
  for (let row = area.y; row < area.y + area.height; row++) {
    for (let column = area.x; column < area.x + area.width; column++, at++) {
      const i = row * motion.width + column;
      const x = cellPlace(column, right[i] as number);
      const y = cellPlace(row, down[i] as number);
      const inside = x >= 0 && x <= motion.width - 1 && y >= 0 && y <= motion.height - 1;
      to.data[at] = inside ? x - region.x : -1;
      to.data[at + rows * area.width] = inside ? y - region.y : -1;
    }
  }
}

/** Writes the light of a tile, a part of the area, where the albedo, if there is one, comes after the colour. */
function storeLight(
  planes: Tensor,
  texture: Tensor | undefined,
  { area, tile, colors }: { readonly area: Tile; readonly tile: Tile; readonly colors: readonly number[] },
  to: Raster,
): void {
  const skipped = planes.shape[1] - to.channels;
  for (let c = 0; c < to.channels; c++) {
    const from = c < COLOR_CHANNELS ? c : c + skipped;
    // Layers of three channels take the texture of their channel.
    const first = colors.find((color) => color <= c && c < color + COLOR_CHANNELS);
    const scale = texture === undefined || first === undefined ? undefined : channel(texture, c - first);
    storeTile(channel(planes, from), scale, area, tile, to, c);
  }
}

/** Writes all channels of a tile, a part of the area. */
function storeTensor(from: Tensor, area: Tile, tile: Tile, to: Raster): void {
  for (let c = 0; c < to.channels; c++) storeTile(channel(from, c), undefined, area, tile, to, c);
}

function channel({ data, shape }: Tensor, c: number): Float32Array {
  const size = shape[2] * shape[3];
  return data.subarray(c * size, (c + 1) * size);
}

/** Writes a channel of a tile, a part of the area; times the scale of each pixel, where there is one. */
function storeTile(
  values: Float32Array,
  scale: Float32Array | undefined,
  area: Tile,
  tile: Tile,
  target: Raster,
  c: number,
): void {
  for (let y = tile.y; y < tile.y + tile.height; y++) {
    const from = (y - area.y) * area.width + tile.x - area.x;
    const to = (c * target.height + y) * target.width + tile.x;
    if (scale === undefined) {
      target.data.set(values.subarray(from, from + tile.width), to);
      continue;
    }
    for (let x = 0; x < tile.width; x++) {
      target.data[to + x] = (values[from + x] as number) * (scale[from + x] as number);
    }
  }
}
