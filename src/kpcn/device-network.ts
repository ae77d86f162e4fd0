import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { ModelBundle } from '../engine/model-repository.js';
import { plane, type Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/tile.js';
import { ComponentFeatures } from './features.js';
import type { FrameReading } from './frame-features.js';
import { halved } from './frame-features.js';
import { levelGraph } from './level-graph.js';
import { type LevelTask, type Stopwatch, tileOverlap } from './network.js';
import { COLOR_CHANNELS, type Level } from './picture.js';
import { copyTile } from './window-features.js';

/**
 * Filters levels of single frames with one graph each for networks and kernels, see {@link levelGraph}, on the device of an
 * engine. Graphs are made when they are first needed and stay loaded. Not for use by two threads.
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
   * @throws QuietframeError `model-damaged` when the device does not take the graph, `internal` when it fails.
   */
  async denoiseTile(
    task: LevelTask<Level>,
    reading: FrameReading,
    tile: Tile,
    time: Stopwatch,
  ): Promise<void> {
    const { level, irradiance, logLambda, colors } = task;
    const { manifest } = this.bundle;
    const area = grow(tile, tileOverlap(manifest, logLambda !== undefined), level.width, level.height);
    const { width, height } = area;
    const albedo = irradiance ? undefined : level.albedo;
    const graph = await this.#graph(reading.encoder, albedo !== undefined, logLambda !== undefined);

    let start = performance.now();
    const lap = (part: Parameters<Stopwatch>[0]): void => {
      const now = performance.now();
      time(part, now - start);
      start = now;
    };
    const x = this.#componentFeatures.compute(level, area, reading.exposure, irradiance);
    const channels = level.radiance.channels + (albedo?.channels ?? 0);
    const planes = this.#memory.tensor('planes', channels, height, width);
    gatherPlanes(level.radiance, albedo, area, planes);
    const inputs: Record<string, Tensor> = { x, planes };
    if (logLambda !== undefined) {
      const map = this.#memory.tensor('log_lambda', 1, height / 2, width / 2);
      copyTile(logLambda, halved(area), map.data);
      inputs.log_lambda = map;
    }
    const filtered = this.#memory.tensor('filtered', channels, height, width);
    const texture = albedo && this.#memory.tensor('texture', COLOR_CHANNELS, height, width);
    lap('features');
    await graph.run(inputs, { filtered, ...(texture && { texture }) });
    lap('network');
    const skipped = albedo?.channels ?? 0;
    for (let c = 0; c < level.denoised.channels; c++) {
      const from = c < COLOR_CHANNELS ? c : c + skipped;
      // Layers of three channels take the texture of their channel.
      const first = colors.find((color) => color <= c && c < color + COLOR_CHANNELS);
      const scale = first === undefined ? undefined : channel(texture, c - first);
      storeTile(channel(filtered, from) as Float32Array, scale, area, tile, level.denoised, c);
    }
    lap('kernels');
  }

  #graph(encoder: string, hasAlbedo: boolean, hasLambda: boolean): Promise<NetworkModule> {
    const key = `${encoder} ${hasAlbedo} ${hasLambda}`;
    const { manifest } = this.bundle;
    const loaded =
      this.#graphs.get(key) ??
      this.engine.load(
        `the graph of ${manifest.name}@${manifest.version}`,
        levelGraph(this.bundle, { encoder, hasAlbedo, hasLambda }),
      );
    this.#graphs.set(key, loaded);
    return loaded;
  }
}

/** Colour, albedo and further planes of an area, in this order. */
function gatherPlanes(radiance: Raster, albedo: Raster | undefined, area: Tile, to: Tensor): void {
  const size = area.width * area.height;
  const planes = Array.from({ length: radiance.channels }, (_, c) => plane(radiance, c));
  if (albedo !== undefined) {
    planes.splice(COLOR_CHANNELS, 0, ...Array.from({ length: albedo.channels }, (_, c) => plane(albedo, c)));
  }
  for (const [c, data] of planes.entries()) {
    const image = { width: radiance.width, height: radiance.height, channels: 1, data };
    copyTile(image, area, to.data.subarray(c * size, (c + 1) * size));
  }
}

function channel(tensor: Tensor | undefined, c: number): Float32Array | undefined {
  if (tensor === undefined) return undefined;
  const size = tensor.shape[2] * tensor.shape[3];
  return tensor.data.subarray(c * size, (c + 1) * size);
}

/** Writes the tile, a part of the area, into a channel of a raster; times the scale of each pixel, where there is one. */
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
