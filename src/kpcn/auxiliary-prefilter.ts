import type { Engine, NetworkModule, Tensor } from '../engine/engine.js';
import type { AuxiliaryPrefilterManifest } from '../engine/model-manifest.js';
import type { ModelBundle } from '../engine/model-repository.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { paddedSize } from '../image/pyramid.js';
import type { Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/region.js';
import { type AuxiliaryBuffers, changeOverlap, levelOverlap, prefilterOverlap } from './auxiliary-buffers.js';
import { KernelApply } from './kernel-apply.js';
import { copyArea, FILTERED, hasNoise, type Level, PLANES, write } from './prefilter-area.js';

/** Those, after the kernels again, the averaged variances, and the weight of the coarser level. */
const LEVEL_PLANES = 2 * PLANES + 3;
/** Planes of the network's input: albedo 3, variance, normal 3, variance, whether variances are measured. */
const INPUT_CHANNELS = 9;
/** The plane of a level that each plane of the input is, before the flag. */
const INPUT_PLANES = [0, 1, 2, 6, 3, 4, 5, 7] as const;
const VARIANCE_INPUTS = [3, 7] as const;

/** All that is held of a tile; arrays without a name of their own serve one plane after the other. */
interface TileMemory
  extends Readonly<Record<'change' | 'share' | 'sums' | 'border' | 'input', Float32Array>> {
  readonly levels: readonly Level[];
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
 * The auxiliary prefilter of a model: a small kernel predictor (Vogels et al. 2018, equations 3 and 4) that removes the noise
 * of albedo and normals (training: `auxiliary_prefilter.py`). All levels of the pyramid are computed within a tile and its overlap, so that tiles are equal to
 * the whole picture and nothing else of its size is held. Not for use by two threads.
 */
export class AuxiliaryPrefilter {
  readonly #build: WasmBuild;
  readonly #call: Readonly<
    Record<
      | 'seenVariance'
      | 'estimateVariance'
      | 'windowMean'
      | 'changePower'
      | 'explainedShare'
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
      windowMean: call('windowMean'),
      changePower: call('changePower'),
      explainedShare: call('explainedShare'),
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
    const changed = grow(tile, changeOverlap(this.manifest), padded.width, padded.height);
    const memory = this.#allocate(area, changed, task.measured);
    const { levels, sums, border, input } = memory;
    const [finest] = levels as [Level];
    this.#read(task, area, finest, border);
    this.#averageVariances(finest, sums);
    const wanted = (level: number, part: Tile): boolean => hasNoise(finest, part, 2 ** level);
    if (!wanted(0, finest.tile)) {
      write(task.target, area, tile, size, finest.noisy);
      return;
    }
    for (const [l, coarse] of levels.entries()) {
      if (l === 0) continue;
      this.#halve(levels[l - 1] as Level, coarse);
      this.#averageVariances(coarse, sums);
    }
    for (const [l, level] of levels.entries()) {
      await this.#filter(level, input, task.measured, (part) => wanted(l, part));
    }
    for (let l = levels.length - 2; l >= 0; l--) this.#composite(levels[l] as Level, levels[l + 1] as Level);
    this.#takeBack(finest, memory, task.measured);
    write(task.target, area, tile, size, finest.filtered);
  }

  #allocate(area: Tile, tile: Tile, measured: boolean): TileMemory {
    const pixels = area.width * area.height;
    const sizes = Array.from({ length: this.manifest.levels }, (_, l) => pixels / 4 ** l);
    const bordered = measured ? 0 : 3 * (area.width + 2) * (area.height + 2);
    // The finest level has the largest input.
    const read = grow(tile, levelOverlap(this.manifest), area.x + area.width, area.y + area.height);
    const [change, share, sums, border, input, ...planes] = this.#build.allocate(
      ...[pixels, pixels, area.width + 8, bordered, INPUT_CHANNELS * read.width * read.height],
      ...sizes.flatMap((size) => new Array<number>(LEVEL_PLANES).fill(size)),
    ) as [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array, ...Float32Array[]];
    const levels = sizes.map((_, l): Level => {
      const scale = 2 ** l;
      const of = planes.slice(l * LEVEL_PLANES, (l + 1) * LEVEL_PLANES);
      return {
        ...{ width: area.width / scale, height: area.height / scale },
        noisy: of.slice(0, PLANES),
        filtered: of.slice(PLANES, 2 * PLANES),
        noise: of.slice(2 * PLANES, 2 * PLANES + 2),
        weight: of[LEVEL_PLANES - 1] as Float32Array,
        tile: {
          ...{ x: (tile.x - area.x) / scale, y: (tile.y - area.y) / scale },
          ...{ width: tile.width / scale, height: tile.height / scale },
        },
      };
    });
    return { levels, change, share, sums, border, input };
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

  /** A variance of two halves has one degree of freedom: it counts as a mean over pixels about. */
  #averageVariances({ width, height, noisy, noise }: Level, sums: Float32Array): void {
    for (const [i, mean] of noise.entries()) {
      const variance = noisy[FILTERED + i] as Float32Array;
      this.#call.windowMean(variance.byteOffset, width, height, sums.byteOffset, mean.byteOffset);
    }
  }

  /** Takes back what noise does not explain of what has become of albedo and normals. */
  #takeBack(
    { width, height, noisy, filtered, noise }: Level,
    { change, share, sums }: TileMemory,
    measured: boolean,
  ): void {
    const { explainedNoise, explainedEstimate } = this.manifest;
    const allowed = measured ? explainedNoise : explainedEstimate;
    const [first, second] = noisy as [Float32Array, Float32Array];
    const stride = second.byteOffset - first.byteOffset;
    for (const [i, mean] of noise.entries()) {
      const bytes = mean.byteLength;
      const [before, after] = [noisy[3 * i] as Float32Array, filtered[3 * i] as Float32Array];
      this.#call.changePower(before.byteOffset, after.byteOffset, stride, bytes, change.byteOffset);
      this.#call.windowMean(change.byteOffset, width, height, sums.byteOffset, share.byteOffset);
      this.#call.explainedShare(mean.byteOffset, allowed, share.byteOffset, bytes);
      for (const p of [3 * i, 3 * i + 1, 3 * i + 2, FILTERED + i]) {
        const [from, to] = [noisy[p] as Float32Array, filtered[p] as Float32Array];
        const source = [from.byteOffset, mean.byteOffset, share.byteOffset] as const;
        this.#call.blendShare(...source, to.byteOffset, bytes);
      }
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

  #features({ width, noisy, noise }: Level, area: Tile, input: Float32Array, measured: boolean): Tensor {
    const size = area.width * area.height;
    const data = input.subarray(0, INPUT_CHANNELS * size);
    for (const [channel, p] of INPUT_PLANES.entries()) {
      const from = (p < FILTERED ? noisy[p] : noise[p - FILTERED]) as Float32Array;
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
