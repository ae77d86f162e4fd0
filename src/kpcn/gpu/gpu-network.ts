import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../../engine/engine.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import type { Raster } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';
import { ComponentFeatures } from '../features.js';
import {
  type EncoderSettings,
  halved,
  type LevelFeatures,
  type SingleFrameResult,
} from '../frame-features.js';
import { COLOR_CHANNELS, type FrameLevel } from '../frame-pyramid.js';
import { copyTile } from '../temporal-features.js';
import { joinOverlap, tileOverlap } from '../tile-cost.js';
import type { FilteredFrame, LevelTask, Stopwatch, WindowTask } from '../tile-tasks.js';
import { copyPlanes, WindowStack } from '../window-stack.js';
import { levelGraph } from './level-graph.js';
import { windowGraph } from './window-graph.js';

/** What windows need of a level of a frame besides its light: rasters in shared memory. */
export type KeptFeatures = Pick<LevelFeatures, 'spatial'> & Pick<SingleFrameResult, 'coarseEmbedding'>;

/**
 * Filters levels of frames and joins those of windows on the device of an engine, with one graph each for networks and kernels,
 * see {@link levelGraph} and {@link windowGraph}. Graphs are made when they are first needed and stay loaded. Not for use by two
 * threads.
 */
export class GpuNetwork {
  readonly #graphs = new Map<string, Promise<NetworkModule>>();
  readonly #memory = new TensorMemory();
  readonly #componentFeatures = new ComponentFeatures();
  readonly #stack: WindowStack;

  constructor(
    private readonly bundle: ModelBundle,
    private readonly engine: Engine,
  ) {
    this.#stack = new WindowStack(bundle.manifest.architecture);
  }

  /**
   * What `TileRunner.denoiseTile` does.
   * @param kept of the frame for its window, written.
   * @throws QuietframeError `device-unavailable` when the device does not take the graph or fails.
   */
  async denoiseTile(
    task: LevelTask<FilteredFrame & FrameLevel>,
    reading: EncoderSettings,
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
    copyPlanes(level.radiance, albedo, area, planes);
    const inputs: Record<string, Tensor> = { x, planes };
    if (logLambda !== undefined) inputs.log_lambda = this.#tensorOf('log_lambda', logLambda, halved(area));
    const outputs: Record<string, Tensor> = {
      filtered: this.#memory.tensor('filtered', channels, height, width),
      ...(albedo && { texture: this.#memory.tensor('texture', COLOR_CHANNELS, height, width) }),
      ...(task.gate && { gate: this.#memory.tensor('gate', 1, height, width) }),
    };
    const ofWindow = kept === undefined ? [] : keptOutputs(kept);
    for (const [name, { channels: count }] of ofWindow) {
      outputs[name] = this.#memory.tensor(name, count, height / 2, width / 2);
    }
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.filtered as Tensor, outputs.texture, { area, tile, colors }, level.denoised);
    if (task.gate !== undefined) storeTensor(outputs.gate as Tensor, area, tile, task.gate);
    for (const [name, target] of ofWindow) {
      storeTensor(outputs[name] as Tensor, halved(area), halved(tile), target);
    }
    lap('kernels');
  }

  /**
   * What `TileRunner.fuseTile` does.
   * @throws QuietframeError `device-unavailable` when the device does not take the graph or fails.
   */
  async fuseTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { estimate, own, neighbors, logLambda, colors, denoised } = task;
    const { manifest } = this.bundle;
    const area = grow(tile, joinOverlap(manifest, logLambda !== undefined), own.width, own.height);
    const { albedo } = estimate;
    const hasAlbedo = albedo !== undefined;
    const hasTexture = hasAlbedo && !task.irradiance;
    const options = { hasAlbedo, hasTexture, hasLambda: logLambda !== undefined };
    const graph = await this.#graph('windows', options, () => windowGraph(this.bundle, options));

    const lap = laps(time);
    const { width, height } = area;
    const channels = own.channels + (albedo?.channels ?? 0);
    const planesOf = (name: string, light: Raster): Tensor => {
      const planes = this.#memory.tensor(name, channels, height, width);
      copyPlanes(light, albedo, area, planes);
      return planes;
    };
    const inputs: Record<string, Tensor> = {
      planes: planesOf('planes', estimate.light),
      spatial: this.#tensorOf('spatial', task.spatial, halved(area)),
      embedding: this.#tensorOf('embedding', estimate.coarseEmbedding, halved(area)),
      exposure: { data: Float32Array.of(task.exposure), shape: [1, 1, 1, 1] },
      ...this.#stack.inputs(neighbors, area),
    };
    if (hasTexture) inputs.gate = this.#tensorOf('gate', estimate.gate, area);
    if (logLambda !== undefined) {
      inputs.own = planesOf('own', own);
      inputs.log_lambda = this.#tensorOf('log_lambda', logLambda, halved(area));
    }
    const outputs: Record<string, Tensor> = {
      joined: this.#memory.tensor('joined', channels, height, width),
      ...(hasTexture && { texture: this.#memory.tensor('texture', COLOR_CHANNELS, height, width) }),
    };
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.joined as Tensor, outputs.texture, { area, tile, colors }, denoised);
    lap('kernels');
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
