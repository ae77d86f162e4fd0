import type { ModelManifest } from '../engine/model-manifest.js';
import type { Simd } from '../engine/wasm-build.js';
import { expected, QuietframeError } from '../errors.js';
import type { Frame } from '../frame/frame.js';
import { cropPadded } from '../image/pyramid.js';
import { plane, type Raster, raster, SharedRasters } from '../image/raster.js';
import { cutIntoTiles, grow, type Tile } from '../image/tile.js';
import { dimmed, findFireflies } from '../kpcn/fireflies.js';
import {
  estimateRasters,
  type FrameReading,
  featureOverlap,
  featureRasters,
  type LevelEstimate,
  type LevelFeatures,
} from '../kpcn/frame-features.js';
import { graphBytesPerPixel } from '../kpcn/level-graph.js';
import {
  filterOverlap,
  joinBytesPerPixel,
  joinOverlap,
  type NeighborLevel,
  tileBytesPerPixel,
  tileOverlap,
} from '../kpcn/network.js';
import {
  allocatePyramids,
  COLOR_CHANNELS,
  channelsOf,
  createFramePicture,
  createPicture,
  type FrameLevel,
  fillPyramid,
  type Level,
  type Picture,
  type Pyramid,
  pictureResult,
  pyramidsOf,
} from '../kpcn/picture.js';
import { type EncoderInputs, encoderInputs, windowEncoders } from '../kpcn/source-encoder.js';
import { NEIGHBOR_OFFSETS } from '../kpcn/window-features.js';
import { ERROR_BYTES_PER_PIXEL, ERROR_CHANNELS } from '../sampling/error-predictor.js';
import { denoisedShare, keepConverged } from './converged-guard.js';
import type { DenoiseDevice } from './denoise-device.js';
import type { DenoiseRequest, DenoiseResult, PredictedError, WindowFrame } from './denoiser.js';
import { type CachedLevels, type FeatureCache, type FeatureLease, levelsBytes } from './feature-cache.js';
import { logLambda, meanLambda } from './lambda.js';
import { runTogether } from './run-together.js';
import type { DenoiseJob, DenoiseJobResult, StageName } from './stages.js';
import type { WorkerPool } from './worker-pool.js';

/** A request with its defaults, after its checks. */
export type WindowRequest = Required<
  Pick<DenoiseRequest, 'lambda' | 'also' | 'errors' | 'neighbors' | 'irradiance'>
> &
  Pick<DenoiseRequest, 'key' | 'signal' | 'onProgress' | 'region'>;

const MIN_TILE_SIDE = 128;
/** Tiles of the compositor, which is small, have this side at most. */
const COMPOSITE_PIXELS = 512 ** 2;
/** Work on a pixel relative to denoising one of a single frame, for progress. */
const WORK: Readonly<Record<string, number>> = {
  ...{ denoise: 1, extract: 0.5, filter: 0.6, join: 0.5, composite: 0.1, 'predict-errors': 0.15 },
};

/** What is made of a frame of a window, and whether it is there already. */
interface WindowFrameState {
  readonly featureKey: string | undefined;
  readonly estimate: CachedLevels<keyof LevelEstimate>;
  readonly known: boolean;
}

/** A frame beside the centre. */
interface Neighbor extends WindowFrameState {
  readonly frame: WindowFrame;
  readonly slot: number;
  /** One level more than the others. */
  readonly motion: readonly Raster[];
}

/** A device for single frames, and the bytes for its tile. */
export interface FrameDevice extends DenoiseDevice {
  readonly bytes: number;
}

/** Denoises a frame, alone or in its window, with a network that predicts kernels. For one request at a time. */
export class WindowDenoiser {
  readonly #memory = new SharedRasters();
  readonly #frameMemory = new SharedRasters();
  readonly #lambdaMemory = new SharedRasters();
  readonly #motionMemory = NEIGHBOR_OFFSETS.map(() => new SharedRasters());

  /** @param bytesPerWorker for the tile that each worker computes. */
  constructor(
    private readonly pool: WorkerPool<DenoiseJob, DenoiseJobResult>,
    private readonly bytesPerWorker: number,
    private readonly cache: FeatureCache,
    private device?: FrameDevice,
  ) {}

  /**
   * On the device, where there is one and the frame is alone; a device that fails is not used again, and the CPU does its work.
   * @throws QuietframeError `mismatched-frames`, `cancelled`, `internal`.
   */
  async denoise(frame: Frame, manifest: ModelManifest, request: WindowRequest): Promise<DenoiseResult> {
    if (this.device === undefined || request.neighbors.length > 0) {
      return this.#denoiseOn(undefined, frame, manifest, request);
    }
    try {
      return await this.#denoiseOn(this.device, frame, manifest, request);
    } catch (error) {
      const failed = error instanceof QuietframeError && error.code === 'device-unavailable';
      if (!failed) throw error;
      this.device = undefined;
      return this.#denoiseOn(undefined, frame, manifest, request);
    }
  }

  async #denoiseOn(
    device: FrameDevice | undefined,
    frame: Frame,
    manifest: ModelManifest,
    request: WindowRequest,
  ): Promise<DenoiseResult> {
    const lease = this.cache.lease();
    let whole = false;
    let result: DenoiseResult;
    try {
      result = await this.#denoise(device, frame, manifest, request, lease);
      whole = true;
    } finally {
      lease.end(whole);
    }
    const { hits, misses } = lease.lookups;
    if (hits + misses === 0) return result;
    const features = { hits, misses, bytes: this.cache.statistics.bytes };
    return { ...result, report: { ...result.report, features } };
  }

  async #denoise(
    device: FrameDevice | undefined,
    frame: Frame,
    manifest: ModelManifest,
    request: WindowRequest,
    lease: FeatureLease,
  ): Promise<DenoiseResult> {
    const start = performance.now();
    const { irradiance, lambda, signal, onProgress } = request;
    const { levels: levelCount } = manifest.architecture;
    const model = `${manifest.name}@${manifest.version}`;
    const stages: Partial<Record<StageName, number>> = {};
    const time = (stage: StageName, seconds: number): void => {
      stages[stage] = (stages[stage] ?? 0) + seconds;
    };

    const frames = [frame, ...request.neighbors.map((neighbor) => neighbor.frame)];
    const encoders = windowEncoders(frames, manifest.sources);
    const { inputs, also, fireflies } = seenLight(frame, request.also, encoders);
    const picture = createPicture(inputs, also, levelCount, this.#memory, irradiance);
    const logs = this.#lambdaPyramid(lambda, picture, levelCount);
    const size = { width: frame.width, height: frame.height, levels: levelCount };
    const featureLayout = { ...size, rasters: featureRasters(manifest.architecture) };
    const stateOf = (
      key: string | undefined,
      seen: EncoderInputs,
      layers: readonly Raster[],
    ): WindowFrameState => {
      const keyOf = (rasters: string): string | undefined =>
        levelsKey(key, rasters, manifest, seen, irradiance);
      const lights = channelsOf([seen.color, ...layers]);
      const rasters = estimateRasters(manifest.architecture, lights, inputs.albedo !== undefined);
      const { cached, known } = lease.get(keyOf('estimate'), { ...size, rasters });
      return { featureKey: keyOf('features'), estimate: cached, known };
    };
    const neighbors = request.neighbors.map((neighbor): Neighbor => {
      const seen = encoderInputs(neighbor.frame, encoders);
      if (inputs.albedo !== undefined && seen.albedo === undefined) {
        throw differing(neighbor.offset, 'an albedo', 'none');
      }
      const slot = NEIGHBOR_OFFSETS.indexOf(neighbor.offset as (typeof NEIGHBOR_OFFSETS)[number]);
      const motion = this.#motionPyramid(slot, neighbor.motion, levelCount);
      return { ...stateOf(neighbor.key, seen, neighbor.also ?? []), frame: neighbor, slot, motion };
    });
    const inWindow = neighbors.length > 0;
    const center = inWindow ? stateOf(request.key, inputs, also) : undefined;
    // A device makes features and kernels in one go.
    const keeps =
      device === undefined &&
      request.key !== undefined &&
      levelsBytes(featureLayout) <= this.cache.limitBytes;
    const features =
      keeps || inWindow
        ? lease.get(levelsKey(request.key, 'features', manifest, inputs, irradiance), featureLayout)
        : undefined;
    time('prepare', (performance.now() - start) / 1000);

    const finest = picture.levels[0] as Level;
    const hasLambda = logs !== undefined;
    const areas = levelAreas(request.region, picture.levels, manifest);
    const tileBytes = tileBytesPerPixel(manifest);
    const plan = picture.levels.map(({ width, height }, level) => {
      const { filtered, composited } = areas[level] as LevelArea;
      return {
        extract: this.#tiles(width, height, featureOverlap(manifest), tileBytes),
        estimate: this.#tiles(width, height, 0, tileBytes),
        filter:
          features === undefined
            ? this.#frameTiles(filtered, manifest, hasLambda, device)
            : this.#tilesOf(filtered, filterOverlap(manifest, hasLambda), tileBytes),
        join: this.#tilesOf(filtered, joinOverlap(manifest, hasLambda), joinBytesPerPixel(manifest)),
        composite: level === levelCount - 1 ? [] : this.#compositeTiles(composited),
      };
    });
    const errors = request.errors ? sharedRaster(finest.width, finest.height, ERROR_CHANNELS) : undefined;
    const errorTiles = errors === undefined ? [] : this.#errorTiles(errors, manifest);
    const unknown = neighbors.filter(({ known }) => !known);
    const isExtracted = features !== undefined && (!features.known || center?.known === false);
    const isEstimated = center?.known === false;
    // In a window the frame's own kernels run again only for another lambda.
    const isFiltered = !inWindow || hasLambda;
    const filterKind = features === undefined ? 'denoise' : 'filter';
    const total = plan.reduce(
      (sum, { extract, estimate, filter, join, composite }) =>
        sum +
        (unknown.length + (isExtracted ? 1 : 0)) * work('extract', extract) +
        (unknown.length + (isEstimated ? 1 : 0)) * work('filter', estimate) +
        (isFiltered ? work(filterKind, filter) : 0) +
        (inWindow ? work('join', join) : 0) +
        work('composite', composite),
      work('predict-errors', errorTiles),
    );
    let done = 0;
    let simd: Simd = 'plain';
    let executionProvider = 'cpu';
    let exposure = 1;
    const runAll = (jobs: readonly DenoiseJob[], pool = this.pool): Promise<void> =>
      runTogether(pool, jobs, signal, (job, result) => {
        simd = result.simd;
        if (job.kind === 'denoise' || job.kind === 'filter') executionProvider = result.provider;
        for (const [stage, seconds] of Object.entries(result.seconds)) time(stage as StageName, seconds);
        if (job.kind === 'expose') exposure = result.exposure;
        if (!('tile' in job)) return;
        done += work(job.kind, [job.tile]);
        // What remains when all tiles are done, so that 1 means done.
        onProgress?.(done / (1.001 * total));
      });
    const extract = (
      { levels, encoder }: Picture<FrameLevel>,
      to: CachedLevels<keyof LevelFeatures>,
      estimate: CachedLevels<keyof LevelEstimate> | undefined,
    ): Promise<void> => {
      const reading: FrameReading = { encoder, exposure, irradiance };
      return runAll(
        plan.flatMap(({ extract: tiles }, l) => {
          const means = estimate?.levels[l]?.coarseEmbedding;
          const target = { ...levelOf(to, l), ...(means && { coarseEmbedding: means }) };
          return tiles.map((tile) => ({
            ...{ kind: 'extract', model, reading, tile, level: levels[l] as FrameLevel, features: target },
          }));
        }),
      );
    };
    /** What the kernels of a frame make of it at lambda = 1. */
    const estimate = async (
      { levels, colors }: Picture<FrameLevel>,
      from: CachedLevels<keyof LevelFeatures>,
      to: CachedLevels<keyof LevelEstimate>,
    ): Promise<void> => {
      await runAll(
        plan.flatMap(({ estimate: tiles }, l) => {
          const { light, gate } = levelOf(to, l);
          const level = { ...(levels[l] as FrameLevel), denoised: light };
          const task = { level, irradiance, colors, gate };
          return tiles.map((tile) => ({ kind: 'filter', model, task, features: levelOf(from, l), tile }));
        }),
      );
      for (const [l, { albedo }] of to.levels.entries()) {
        if (albedo !== undefined) albedo.data.set((levels[l] as FrameLevel).albedo?.data ?? []);
      }
    };

    for (const { frame: neighbor, featureKey, estimate: to } of unknown) {
      const seen = seenLight(neighbor.frame, neighbor.also ?? [], encoders);
      const other = createFramePicture(
        ...([seen.inputs, seen.also, levelCount, this.#frameMemory, irradiance] as const),
      );
      const { cached } = lease.get(featureKey, featureLayout);
      await runAll([{ kind: 'expose', picture: other }, ...this.#coarsenJobs(other, pyramidsOf(other))]);
      await extract(other, cached, to);
      await estimate(other, cached, to);
      // A frame that stands twice in its window still needs them as its centre.
      if (cached !== features?.cached) lease.release(featureKey, cached);
    }
    const pyramids: Pyramid[] = [
      ...(isExtracted || isEstimated || isFiltered ? pyramidsOf(picture) : []),
      ...(logs ? [{ levels: logs, scale: 1 }] : []),
      ...neighbors.map(({ motion }): Pyramid => ({ levels: motion, scale: 'motion' })),
    ];
    await runAll([{ kind: 'expose', picture }, ...this.#coarsenJobs(picture, pyramids)]);
    if (isExtracted) await extract(picture, features.cached, center?.estimate);
    if (isEstimated && features !== undefined) await estimate(picture, features.cached, center.estimate);

    const common = { irradiance, colors: picture.colors };
    if (isFiltered) {
      const reading = { encoder: picture.encoder, exposure, irradiance };
      await runAll(
        plan.flatMap(({ filter }, l): DenoiseJob[] => {
          const task = { ...common, level: picture.levels[l] as Level, ...lambdaOf(logs, l) };
          if (features === undefined) {
            return filter.map((tile) => ({ kind: 'denoise', model, task, reading, tile }));
          }
          const own = levelOf(features.cached, l);
          return filter.map((tile) => ({ kind: 'filter', model, task, features: own, tile }));
        }),
        device?.pool,
      );
    }
    if (center !== undefined && features !== undefined) {
      await runAll(
        plan.flatMap(({ join }, l): DenoiseJob[] => {
          const { denoised } = picture.levels[l] as Level;
          const own = levelOf(center.estimate, l);
          const task = {
            ...{ ...common, exposure, denoised, estimate: own, own: hasLambda ? denoised : own.light },
            spatial: levelOf(features.cached, l).spatial,
            neighbors: neighbors.map((neighbor) => neighborLevel(neighbor, l)),
            ...lambdaOf(logs, l),
          };
          return join.map((tile) => ({ kind: 'join', model, task, tile }));
        }),
      );
    }
    for (let l = levelCount - 2; l >= 0; l--) {
      const [fine, coarse] = picture.levels.slice(l, l + 2) as [Level, Level];
      const tiles = plan[l]?.composite ?? [];
      await runAll(tiles.map((tile) => ({ kind: 'composite', model, fine, coarse, tile, exposure })));
    }
    if (errors !== undefined) {
      await runAll(
        errorTiles.map((tile) => ({ kind: 'predict-errors', model, picture, tile, exposure, errors })),
      );
    }

    const assemblyStart = performance.now();
    const result = pictureResult(picture, also);
    const share = denoisedShare(frame, exposure);
    if (share !== undefined) {
      keepConverged(frame.color, result.color, share);
      for (const [i, layer] of request.also.entries()) keepConverged(layer, result.also[i] as Raster, share);
    }
    const cropped = errors && cropErrors(errors, picture);
    time('assemble', (performance.now() - assemblyStart) / 1000);
    onProgress?.(1);
    return {
      ...result,
      ...(cropped && { errors: cropped }),
      report: {
        model: manifest.name,
        version: manifest.version,
        encoder: picture.encoder,
        device: device?.name ?? 'cpu',
        executionProvider,
        simd,
        exposure,
        lambda: meanLambda(lambda),
        windowUsed: 1 + neighbors.length,
        fireflies,
        ...(cropped && { predictedError: meanErrors(cropped, manifest) }),
        tiles: plan.reduce((sum, { filter, join }) => sum + (inWindow ? join : filter).length, 0),
        stages,
        seconds: (performance.now() - start) / 1000,
      },
    };
  }

  /** log10 of lambda at all levels and one more; undefined where lambda is 1. */
  #lambdaPyramid(lambda: number | Raster, size: Picture, levels: number): Raster[] | undefined {
    const log = logLambda(lambda, size);
    if (log === undefined) return undefined;
    const [pyramid = []] = allocatePyramids(
      size,
      levels,
      [{ channels: 1, levels: levels + 1 }],
      this.#lambdaMemory,
    );
    fillPyramid(pyramid, [log]);
    return pyramid;
  }

  /** Motion to a frame, at all levels and one more. */
  #motionPyramid(slot: number, motion: Raster, levels: number): Raster[] {
    const layout = [{ channels: 2, levels: levels + 1 }];
    const [pyramid = []] = allocatePyramids(
      motion,
      levels,
      layout,
      this.#motionMemory[slot] as SharedRasters,
    );
    fillPyramid(pyramid, [motion]);
    return pyramid;
  }

  #errorTiles({ width, height }: Raster, { errorPredictor }: ModelManifest): Tile[] {
    const overlap = Math.ceil((errorPredictor?.receptiveRadius ?? 0) / 2) * 2;
    return this.#tiles(width, height, overlap, ERROR_BYTES_PER_PIXEL);
  }

  /** Tiles of a frame whose features are not kept. */
  #frameTiles(
    area: Tile,
    manifest: ModelManifest,
    hasLambda: boolean,
    device: FrameDevice | undefined,
  ): Tile[] {
    const overlap = tileOverlap(manifest, hasLambda);
    if (device === undefined) return this.#tilesOf(area, overlap, tileBytesPerPixel(manifest));
    const smallest = (MIN_TILE_SIDE + 2 * overlap) ** 2;
    const maxPixels = Math.max(device.bytes / graphBytesPerPixel(manifest.architecture), smallest);
    const limits = { alignment: 2, workers: 1, overlap, maxPixels };
    return moved(cutIntoTiles(area.width, area.height, limits), area.x, area.y);
  }

  #tilesOf({ x, y, width, height }: Tile, overlap: number, bytesPerPixel: number): Tile[] {
    return moved(this.#tiles(width, height, overlap, bytesPerPixel), x, y);
  }

  #compositeTiles({ x, y, width, height }: Tile): Tile[] {
    return moved(this.#cut(width, height, 0, COMPOSITE_PIXELS), x, y);
  }

  #tiles(width: number, height: number, overlap: number, bytesPerPixel: number): Tile[] {
    const smallest = (MIN_TILE_SIDE + 2 * overlap) ** 2;
    return this.#cut(width, height, overlap, Math.max(this.bytesPerWorker / bytesPerPixel, smallest));
  }

  #cut(width: number, height: number, overlap: number, maxPixels: number): Tile[] {
    return cutIntoTiles(width, height, { alignment: 2, workers: this.pool.size, overlap, maxPixels });
  }

  /** Bands of rows of the finest level, whole at every level. */
  #coarsenJobs({ levels }: Picture<FrameLevel>, pyramids: readonly Pyramid[]): DenoiseJob[] {
    const height = levels[0]?.height ?? 0;
    const multiple = 2 ** levels.length;
    const rows = Math.ceil(height / (2 * this.pool.size) / multiple) * multiple;
    const jobs: DenoiseJob[] = [];
    for (let begin = 0; begin < height; begin += rows) {
      jobs.push({ kind: 'coarsen', pyramids, begin, end: Math.min(begin + rows, height) });
    }
    return jobs;
  }
}

/** What an encoder sees of a frame, and the further layers: with fireflies dimmed where the variance was measured. */
function seenLight(
  frame: Frame,
  layers: readonly Raster[],
  encoders: readonly string[],
): { readonly inputs: EncoderInputs; readonly also: readonly Raster[]; readonly fireflies: number } {
  const inputs = encoderInputs(frame, encoders);
  const fireflies =
    frame.varianceOrigin === 'estimated' ? [] : findFireflies(inputs.color, frame.colorVariance);
  return {
    inputs: {
      ...inputs,
      color: dimmed(inputs.color, fireflies),
      colorVariance: dimmed(inputs.colorVariance, fireflies, 2),
    },
    also: layers.map((layer) => (layer.channels === COLOR_CHANNELS ? dimmed(layer, fireflies) : layer)),
    fireflies: fireflies.length,
  };
}

/** Pixels of one level that are filtered, and those of them that are composited. */
interface LevelArea {
  readonly filtered: Tile;
  readonly composited: Tile;
}

/** What of each level a region needs; everything without one. The compositor reads pixels around those that it writes. */
function levelAreas(
  region: Tile | undefined,
  levels: readonly FrameLevel[],
  { receptiveRadius }: ModelManifest,
): LevelArea[] {
  let composited = region;
  return levels.map(({ width, height }) => {
    const whole = { x: 0, y: 0, width, height };
    if (composited === undefined) return { filtered: whole, composited: whole };
    const area = evenOutward(composited, width, height);
    const filtered = evenOutward(grow(area, receptiveRadius.compositor, width, height), width, height);
    composited = {
      x: filtered.x / 2,
      y: filtered.y / 2,
      width: filtered.width / 2,
      height: filtered.height / 2,
    };
    return { filtered, composited: area };
  });
}

/** The least tile with corners at even places that holds a tile; the sizes of pictures are even. */
function evenOutward({ x, y, width, height }: Tile, right: number, bottom: number): Tile {
  const [left, top] = [x - (x % 2), y - (y % 2)];
  return {
    x: left,
    y: top,
    width: Math.min(Math.ceil((x + width) / 2) * 2, right) - left,
    height: Math.min(Math.ceil((y + height) / 2) * 2, bottom) - top,
  };
}

function moved(tiles: readonly Tile[], x: number, y: number): Tile[] {
  return tiles.map((tile) => ({ ...tile, x: tile.x + x, y: tile.y + y }));
}

function neighborLevel({ slot, estimate, motion }: Neighbor, l: number): NeighborLevel {
  const [ofLevel, coarser] = motion.slice(l, l + 2) as [Raster, Raster];
  return { slot, estimate: levelOf(estimate, l), motion: ofLevel, coarserMotion: coarser };
}

function levelOf<Name extends string>(
  { levels }: CachedLevels<Name>,
  l: number,
): Readonly<Record<Name, Raster>> {
  return levels[l] as Readonly<Record<Name, Raster>>;
}

/** The lambdas of a level's cells, which are the pixels of the next coarser one. */
function lambdaOf(logs: readonly Raster[] | undefined, l: number): { readonly logLambda?: Raster } {
  const logLambda = logs?.[l + 1];
  return logLambda === undefined ? {} : { logLambda };
}

/** Names what is kept of a frame by all that it depends on. */
function levelsKey(
  key: string | undefined,
  rasters: string,
  { name, version }: ModelManifest,
  { encoder, color: { width, height } }: EncoderInputs,
  irradiance: boolean,
): string | undefined {
  return key && [rasters, name, version, encoder, irradiance, width, height, key].join(' ');
}

function work(kind: DenoiseJob['kind'], tiles: readonly Tile[]): number {
  return (WORK[kind] ?? 0) * tiles.reduce((sum, { width, height }) => sum + width * height, 0);
}

/** A raster of zeros that worker threads see without a copy. */
function sharedRaster(width: number, height: number, channels: number): Raster {
  const bytes = width * height * channels * Float32Array.BYTES_PER_ELEMENT;
  return raster(width, height, channels, new Float32Array(new SharedArrayBuffer(bytes)));
}

function cropErrors(errors: Raster, { width, height }: Picture): Raster {
  const cropped = raster(width, height, errors.channels);
  cropPadded(errors, cropped);
  return cropped;
}

function meanErrors(errors: Raster, { errorPredictor }: ModelManifest): PredictedError {
  const mean = (c: number): number => {
    const values = plane(errors, c);
    return values.reduce((sum, value) => sum + value, 0) / values.length;
  };
  return { smape: mean(0), dssim: mean(1), decay: errorPredictor?.decay ?? 1 };
}

function differing(offset: number, range: string, received: unknown): QuietframeError {
  const message = expected(range, `the frame at offset ${offset} of the window`, received);
  return new QuietframeError('mismatched-frames', message, { parameter: 'neighbors' });
}

/**
 * Checks the frames around a frame.
 * @throws QuietframeError `invalid-argument` for offsets that are out of range or twice there, `mismatched-frames` where sizes
 * or further layers differ from those of the frame.
 */
export function checkNeighbors(
  { width, height }: Frame,
  also: readonly Raster[],
  neighbors: readonly WindowFrame[],
): void {
  const offsets: readonly number[] = NEIGHBOR_OFFSETS;
  for (const [i, { offset, frame, motion, also: others = [] }] of neighbors.entries()) {
    if (!offsets.includes(offset) || neighbors.findIndex((other) => other.offset === offset) !== i) {
      const message = expected('different numbers from -3 to 3 but 0', 'the offsets of a window', offset);
      throw new QuietframeError('invalid-argument', message, { parameter: 'neighbors' });
    }
    const size = (image: { width: number; height: number }): string =>
      `${image.width} x ${image.height} pixels`;
    const wanted = size({ width, height });
    const layers = [
      frame,
      motion,
      ...Object.values(frame).filter((layer) => typeof layer === 'object'),
      ...others,
    ];
    for (const layer of layers) if (size(layer) !== wanted) throw differing(offset, wanted, size(layer));
    if (motion.channels !== 2) throw differing(offset, 'motion of 2 channels', motion.channels);
    const channels = (list: readonly Raster[]): string => list.map((layer) => layer.channels).join(', ');
    if (channels(also) !== channels(others)) {
      throw differing(offset, `further layers of ${channels(also)} channels`, channels(others));
    }
  }
}
