import type { Engine, NetworkModule, Tensor } from '../engine/engine.js';
import type { AuxiliaryPrefilterManifest } from '../engine/model-manifest.js';
import type { ModelBundle } from '../engine/model-repository.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { paddedSize } from '../image/pyramid.js';
import { plane, type Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/tile.js';
import { type AuxiliaryBuffers, levelOverlap, prefilterOverlap } from './auxiliary-buffers.js';
import { copyColumns } from './copy-columns.js';
import { KernelApply } from './kernel-apply.js';

/** Planes of a level: albedo 3, normal 3, the variance of each. */
const PLANES = 8;
const FILTERED = 6;
/** Planes of the network's input: albedo 3, variance, normal 3, variance, whether variances are measured. */
const INPUT_CHANNELS = 9;
/** The plane of a level that each plane of the input is, before the flag. */
const INPUT_PLANES = [0, 1, 2, 6, 3, 4, 5, 7] as const;
const VARIANCE_INPUTS = [3, 7] as const;

/** One level of a tile with its overlap, in WebAssembly memory. */
interface Level {
  readonly width: number;
  readonly height: number;
  readonly noisy: readonly Float32Array[];
  readonly filtered: readonly Float32Array[];
  /** How much of the next coarser level is taken. */
  readonly weight: Float32Array;
  /** What is computed of it; without the overlap. */
  readonly tile: Tile;
}

/** What is filtered, and into what. */
export interface PrefilterTask {
  /** All of the size of the frame. */
  readonly source: AuxiliaryBuffers;
  /** At least of that size. Those of `source`, and a variance for each buffer. */
  readonly target: AuxiliaryBuffers;
  /** The flag of the network and, where there are none, variances that are estimated. */
  readonly measured: boolean;
}

/**
 * The auxiliary prefilter of a model: a small kernel predictor that takes the noise out of albedo and normals (training:
 * `auxiliary_prefilter.py`). All levels of the pyramid are computed within a tile and its overlap, so that tiles are equal to
 * the whole picture and nothing else of its size is held. Not for use by two threads.
 */
export class AuxiliaryPrefilter {
  readonly #build: WasmBuild;
  readonly #call: Readonly<
    Record<
      | 'seenVariance'
      | 'estimateVariance'
      | 'noiseShare'
      | 'halvePlane'
      | 'compositePlane'
      | 'blendVariance'
      | 'blendShare',
      (...parameters: readonly number[]) => void
    >
  >;

  private constructor(
    private readonly manifest: AuxiliaryPrefilterManifest,
    private readonly module: NetworkModule,
    private readonly kernelApply: KernelApply,
    simd?: Simd,
  ) {
    this.#build = new WasmBuild('auxiliary-prefilter', simd);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      seenVariance: call('seenVariance'),
      estimateVariance: call('estimateVariance'),
      noiseShare: call('noiseShare'),
      halvePlane: call('halvePlane'),
      compositePlane: call('compositePlane'),
      blendVariance: call('blendVariance'),
      blendShare: call('blendShare'),
    };
  }

  /**
   * The prefilter of a bundle; undefined where it has none.
   * @param simd the build to run; by default the fastest that this process can run.
   * @throws QuietframeError `model-damaged`.
   */
  static async load(
    { manifest, files }: ModelBundle,
    engine: Engine,
    simd?: Simd,
  ): Promise<AuxiliaryPrefilter | undefined> {
    const { auxiliaryPrefilter } = manifest;
    const file = files.auxiliary_prefilter;
    const logits = files.auxiliary_prefilter_logits;
    if (auxiliaryPrefilter === undefined || file === undefined || logits === undefined) return undefined;
    const { kernelSize, contextChannels, embeddingChannels } = auxiliaryPrefilter;
    const data = new Float32Array(new Uint8Array(logits).buffer);
    const kernels = new KernelApply({ kernelSize, contextChannels, embeddingChannels, data }, simd);
    const module = await engine.load('auxiliary_prefilter', file);
    return new AuxiliaryPrefilter(auxiliaryPrefilter, module, kernels, simd);
  }

  /**
   * Filters a tile of a frame.
   * @param tile of `prefilterTiles`: its corners are multiples of 2^levels, and it may reach beyond the frame.
   */
  async filterTile(task: PrefilterTask, tile: Tile): Promise<void> {
    const size = (task.source.albedo ?? task.source.normal) as Raster;
    const { levels: count } = this.manifest;
    const padded = { width: paddedSize(size.width, count), height: paddedSize(size.height, count) };
    const area = grow(tile, prefilterOverlap(this.manifest), padded.width, padded.height);
    const { levels, share, columns, border, input } = this.#allocate(area, tile, task.measured);
    const [finest] = levels as [Level];
    this.#read(task, area, finest, border);
    const [albedoVariance, normalVariance] = finest.noisy.slice(FILTERED) as [Float32Array, Float32Array];
    this.#call.noiseShare(
      ...([albedoVariance.byteOffset, normalVariance.byteOffset] as const),
      ...([area.width, area.height, columns.byteOffset, share.byteOffset] as const),
    );
    const wanted = (level: number, part: Tile): boolean => hasShare(share, area.width, part, 2 ** level);
    if (!wanted(0, finest.tile)) {
      write(task.target, area, tile, size, finest, finest.noisy);
      return;
    }
    for (const [l, coarse] of levels.entries()) if (l > 0) this.#halve(levels[l - 1] as Level, coarse);
    for (const [l, level] of levels.entries()) {
      await this.#filter(level, input, task.measured, (part) => wanted(l, part));
    }
    for (let l = levels.length - 2; l >= 0; l--) this.#composite(levels[l] as Level, levels[l + 1] as Level);
    for (const [p, noisy] of finest.noisy.entries()) {
      const filtered = finest.filtered[p] as Float32Array;
      this.#call.blendShare(noisy.byteOffset, share.byteOffset, filtered.byteOffset, noisy.byteLength);
    }
    write(task.target, area, tile, size, finest, finest.filtered);
  }

  #allocate(
    area: Tile,
    tile: Tile,
    measured: boolean,
  ): { levels: Level[] } & Record<'share' | 'columns' | 'border' | 'input', Float32Array> {
    const pixels = area.width * area.height;
    const sizes = Array.from({ length: this.manifest.levels }, (_, l) => pixels / 4 ** l);
    const bordered = measured ? 0 : 3 * (area.width + 2) * (area.height + 2);
    // The finest level has the largest input.
    const read = grow(tile, levelOverlap(this.manifest), area.x + area.width, area.y + area.height);
    const [share, columns, border, input, ...planes] = this.#build.allocate(
      ...[pixels, area.width, bordered, INPUT_CHANNELS * read.width * read.height],
      ...sizes.flatMap((size) => new Array<number>(2 * PLANES + 1).fill(size)),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, ...Float32Array[]];
    const levels = sizes.map((_, l): Level => {
      const scale = 2 ** l;
      const first = l * (2 * PLANES + 1);
      return {
        ...{ width: area.width / scale, height: area.height / scale },
        noisy: planes.slice(first, first + PLANES),
        filtered: planes.slice(first + PLANES, first + 2 * PLANES),
        weight: planes[first + 2 * PLANES] as Float32Array,
        tile: {
          ...{ x: (tile.x - area.x) / scale, y: (tile.y - area.y) / scale },
          ...{ width: tile.width / scale, height: tile.height / scale },
        },
      };
    });
    return { levels, share, columns, border, input };
  }

  /** Copies an area into the planes of the finest level; beyond the frame its border repeats. Missing buffers are 0. */
  #read({ source, measured }: PrefilterTask, area: Tile, { noisy }: Level, border: Float32Array): void {
    const { albedo, albedoVariance, normal, normalVariance } = source;
    const groups = [
      { buffer: albedo, variance: albedoVariance, first: 0, at: FILTERED },
      { buffer: normal, variance: normalVariance, first: 3, at: FILTERED + 1 },
    ];
    for (const { buffer, variance, first, at } of groups) {
      const to = noisy[at] as Float32Array;
      for (let c = 0; c < 3; c++) copyArea(buffer, c, area, noisy[first + c] as Float32Array);
      if (measured || buffer === undefined) copyArea(variance, 0, area, to);
      else this.#estimateVariance(buffer, area, border, to);
    }
  }

  #estimateVariance(buffer: Raster, area: Tile, border: Float32Array, to: Float32Array): void {
    const around = { x: area.x - 1, y: area.y - 1, width: area.width + 2, height: area.height + 2 };
    const size = around.width * around.height;
    for (let c = 0; c < 3; c++) copyArea(buffer, c, around, border.subarray(c * size, (c + 1) * size));
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    this.#call.estimateVariance(border.byteOffset, bytes, area.width, area.height, to.byteOffset);
  }

  /** The next coarser level; the variance of a mean of four is a quarter. */
  #halve(fine: Level, coarse: Level): void {
    for (const [p, from] of fine.noisy.entries()) {
      const to = coarse.noisy[p] as Float32Array;
      const scale = p < FILTERED ? 1 : 1 / 4;
      this.#call.halvePlane(from.byteOffset, coarse.width, coarse.height, scale, to.byteOffset);
    }
  }

  /** The kernels of one level, and what they make of its planes. */
  async #filter(
    level: Level,
    input: Float32Array,
    measured: boolean,
    wanted: (part: Tile) => boolean,
  ): Promise<void> {
    const { width, height, noisy, filtered, weight, tile } = level;
    const area = grow(tile, levelOverlap(this.manifest), width, height);
    const reserved = this.kernelApply.reserve(
      { kernels: area, embedding: area },
      FILTERED,
      PLANES - FILTERED,
    );
    const x = this.#features(level, area, input, measured);
    const { kernels, embedding } = reserved;
    await this.module.run({ x }, { kernel_features: kernels.tensor, embedding: embedding?.tensor as Tensor });
    this.kernelApply.apply(
      reserved,
      { width, height, planes: noisy.slice(0, FILTERED), variances: noisy.slice(FILTERED) },
      filtered.slice(0, FILTERED),
      tile,
      { gateTarget: weight, varianceTargets: filtered.slice(FILTERED), wanted },
    );
  }

  #features({ width, noisy }: Level, area: Tile, input: Float32Array, measured: boolean): Tensor {
    const size = area.width * area.height;
    const data = input.subarray(0, INPUT_CHANNELS * size);
    for (const [channel, p] of INPUT_PLANES.entries()) {
      const from = noisy[p] as Float32Array;
      for (let y = 0; y < area.height; y++) {
        const begin = (area.y + y) * width + area.x;
        data.set(from.subarray(begin, begin + area.width), channel * size + y * area.width);
      }
    }
    for (const channel of VARIANCE_INPUTS) {
      const bytes = size * Float32Array.BYTES_PER_ELEMENT;
      const at = data.byteOffset + channel * bytes;
      this.#call.seenVariance(at, at, bytes);
    }
    data.fill(measured ? 1 : 0, (INPUT_CHANNELS - 1) * size);
    return { data, shape: [1, INPUT_CHANNELS, area.height, area.width] };
  }

  /** Equation 5 within the tile, in place of the finer level. */
  #composite(fine: Level, coarse: Level): void {
    const bytes = Float32Array.BYTES_PER_ELEMENT;
    const at = ({ width, tile }: Level): number => bytes * (tile.y * width + tile.x);
    for (const [p, plane] of fine.filtered.entries()) {
      const from = coarse.filtered[p] as Float32Array;
      const composite = p < FILTERED ? this.#call.compositePlane : this.#call.blendVariance;
      composite(
        ...([plane.byteOffset + at(fine), fine.weight.byteOffset + at(fine), bytes * fine.width] as const),
        ...([from.byteOffset + at(coarse), bytes * coarse.width] as const),
        ...([coarse.tile.width, coarse.tile.height] as const),
      );
    }
  }
}

/** Whether any pixel of a part of a level is filtered. */
function hasShare(share: Float32Array, width: number, part: Tile, scale: number): boolean {
  const [left, right] = [scale * part.x, scale * (part.x + part.width)];
  for (let y = scale * part.y; y < scale * (part.y + part.height); y++) {
    for (let i = y * width + left; i < y * width + right; i++) if ((share[i] as number) > 0) return true;
  }
  return false;
}

/** One channel of an area that may reach beyond the raster, whose border repeats; zeros where there is none. */
function copyArea(from: Raster | undefined, channel: number, area: Tile, to: Float32Array): void {
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
function write(
  target: AuxiliaryBuffers,
  area: Tile,
  tile: Tile,
  { width, height }: Raster,
  level: Level,
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
        const begin = (tile.y - area.y + y) * level.width + level.tile.x;
        channel.set(from.subarray(begin, begin + columns), (tile.y + y) * to.width + tile.x);
      }
    }
  }
}
