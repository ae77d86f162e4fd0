import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../../engine/engine.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import { expected, QuietframeError } from '../../errors.js';
import type { Raster } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';
import { ComponentFeatures } from '../features.js';
import {
  type EncoderSettings,
  halved,
  type LevelFeatures,
  type SingleFrameResult,
} from '../frame-features.js';
import { ALBEDO_CHANNELS, COLOR_CHANNELS, type FrameLevel } from '../frame-pyramid.js';
import { copyTile } from '../temporal-features.js';
import { featureArea, joinOverlap, tileOverlap } from '../tile-cost.js';
import type { FilteredFrame, LevelTask, Stopwatch, WindowTask } from '../tile-tasks.js';
import { copyPlanes, WindowStack } from '../window-stack.js';

/** Stands in a frame's graph for the file of the encoder that reads the frame. */
const ENCODER = 'source_encoder.onnx';

/** What windows need of a level of a frame besides its light: rasters in shared memory. */
export type KeptFeatures = Pick<LevelFeatures, 'spatial'> & Pick<SingleFrameResult, 'coarseEmbedding'>;

/**
 * Denoises levels of frames and fuses those of windows on a GPU, with the two graphs of the bundle (`gpu_graphs.py`). Sessions are
 * created when they are first needed and stay loaded. Not for use by two threads.
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
   * @throws QuietframeError `device-unavailable` when the bundle has no graphs, or the device rejects one or fails.
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
    const area = featureArea(tile, tileOverlap(manifest, logLambda !== undefined), level, manifest);
    const { width, height } = area;
    const albedo = irradiance ? undefined : level.albedo;
    const graph = await this.#graph('frame_graph', reading.encoder);

    const lap = laps(time);
    const inputs: Record<string, Tensor> = {
      x: this.#componentFeatures.compute(level, area, reading.exposure, irradiance),
      planes: this.#planes('planes', level.radiance, albedo, area),
      log_lambda: this.#tensorOrZeros('log_lambda', logLambda, halved(area)),
    };
    const channels = level.radiance.channels + ALBEDO_CHANNELS;
    const outputs: Record<string, Tensor> = {
      filtered: this.#memory.tensor('filtered', channels, height, width),
      ...(albedo && { gain: this.#memory.tensor('gain', COLOR_CHANNELS, height, width) }),
      ...(task.gate && { gate: this.#memory.tensor('gate', 1, height, width) }),
    };
    const ofWindow = kept === undefined ? [] : keptOutputs(kept);
    for (const [name, { channels: count }] of ofWindow) {
      outputs[name] = this.#memory.tensor(name, count, height / 2, width / 2);
    }
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.filtered as Tensor, outputs.gain, { area, tile, colors }, level.denoised);
    if (task.gate !== undefined) storeTensor(outputs.gate as Tensor, area, tile, task.gate);
    for (const [name, target] of ofWindow) {
      storeTensor(outputs[name] as Tensor, halved(area), halved(tile), target);
    }
    lap('kernels');
  }

  /**
   * What `TileRunner.fuseTile` does.
   * @throws QuietframeError `device-unavailable` when the bundle has no graphs, or the device rejects one or fails.
   */
  async fuseTile(task: WindowTask, tile: Tile, time: Stopwatch): Promise<void> {
    const { estimate, own, neighbors, logLambda, colors, denoised } = task;
    const { albedo } = estimate;
    const { manifest } = this.bundle;
    const area = grow(tile, joinOverlap(manifest, logLambda !== undefined), own.width, own.height);
    const hasGain = albedo !== undefined && !task.irradiance;
    const graph = await this.#graph('window_graph');

    const lap = laps(time);
    const { width, height } = area;
    const planes = this.#planes('planes', estimate.light, albedo, area);
    const inputs: Record<string, Tensor> = {
      planes,
      own: logLambda === undefined ? planes : this.#planes('own', own, albedo, area),
      gate: this.#tensorOrZeros('gate', hasGain ? estimate.gate : undefined, area),
      spatial: this.#tensor('spatial', task.spatial, halved(area)),
      embedding: this.#tensor('embedding', estimate.coarseEmbedding, halved(area)),
      log_lambda: this.#tensorOrZeros('log_lambda', logLambda, halved(area)),
      exposure: { data: Float32Array.of(task.exposure), shape: [1, 1, 1, 1] },
      ...this.#stack.inputs(neighbors, area),
    };
    const outputs: Record<string, Tensor> = {
      fused: this.#memory.tensor('fused', own.channels + ALBEDO_CHANNELS, height, width),
      ...(hasGain && { gain: this.#memory.tensor('gain', COLOR_CHANNELS, height, width) }),
    };
    lap('features');
    await graph.run(inputs, outputs);
    lap('network');
    storeLight(outputs.fused as Tensor, outputs.gain, { area, tile, colors }, denoised);
    lap('kernels');
  }

  #planes(name: string, light: Raster, albedo: Raster | undefined, area: Tile): Tensor {
    const planes = this.#memory.tensor(name, light.channels + ALBEDO_CHANNELS, area.height, area.width);
    copyPlanes(light, albedo, area, planes);
    return planes;
  }

  /** A part of a raster. */
  #tensor(name: string, from: Raster, area: Tile): Tensor {
    const tensor = this.#memory.tensor(name, from.channels, area.height, area.width);
    copyTile(from, area, tensor.data);
    return tensor;
  }

  /** The same of a raster of one channel, which counts as zeros where there is none. */
  #tensorOrZeros(name: string, from: Raster | undefined, area: Tile): Tensor {
    if (from !== undefined) return this.#tensor(name, from, area);
    const tensor = this.#memory.tensor(name, 1, area.height, area.width);
    tensor.data.fill(0);
    return tensor;
  }

  /** A graph of the bundle; its weights are those of the bundle's modules and of the encoder that reads the frame. */
  #graph(graph: 'frame_graph' | 'window_graph', encoder?: string): Promise<NetworkModule> {
    const key = `${graph} ${encoder}`;
    const loaded = this.#graphs.get(key) ?? this.#load(graph, encoder);
    this.#graphs.set(key, loaded);
    return loaded;
  }

  async #load(graph: string, encoder?: string): Promise<NetworkModule> {
    const { files, manifest } = this.bundle;
    const model = `${manifest.name}@${manifest.version}`;
    const file = files[graph];
    if (file === undefined) {
      const message = expected('a model with graphs for GPUs', 'device', model);
      throw new QuietframeError('device-unavailable', message, { parameter: 'device' });
    }
    const weights = Object.entries(manifest.modules).map(([module, { file: name }]) => [name, files[module]]);
    const encoderFile = encoder === undefined ? [] : [[ENCODER, files[`source_encoder.${encoder}`]]];
    return this.engine.load(`${graph} of ${model}`, file, Object.fromEntries([...weights, ...encoderFile]));
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

/** Writes the light of a tile, a part of the area, of planes in which the albedo comes after the color. */
function storeLight(
  planes: Tensor,
  gain: Tensor | undefined,
  { area, tile, colors }: { readonly area: Tile; readonly tile: Tile; readonly colors: readonly number[] },
  to: Raster,
): void {
  for (let c = 0; c < to.channels; c++) {
    const from = c < COLOR_CHANNELS ? c : c + ALBEDO_CHANNELS;
    // Layers of three channels get the gain of their channel.
    const first = colors.find((color) => color <= c && c < color + COLOR_CHANNELS);
    const scale = gain === undefined || first === undefined ? undefined : channel(gain, c - first);
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
