import type { Tensor } from '../engine/engine.js';
import { NETWORK_CONSTANTS, type NetworkConstants } from '../engine/model-manifest.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import type { Tile } from '../image/region.js';
import { repeatBorder } from './copy-columns.js';
import {
  checkLogits,
  type KernelLogits,
  MAX_EMBEDDING,
  packLogits,
  SMALL_EMBEDDING,
  TAP_GROUP,
} from './kernel-logits.js';
import { cellsOf, copyRows, KEY_WIDTH, margin } from './kernel-strip.js';

/** Layout of `assembly/kernel-apply.ts`. */
const STRIP = 108;
const BLOCK = 12;
const ACTIVE = 16;
/** Rows of a strip that are in WebAssembly memory at once: its keys stay within a processor's cache. */
const STRIP_ROWS = 64;

/**
 * What the network predicts about an area of the level, at even coordinates; where the size of the area is odd, the last
 * cells lie half within. Tensors are [1, 4P, h/2, w/2]: channel 4c + 2v + u is pixel (2y + v, 2x + u) of plane c.
 */
export interface KernelFeatures {
  /** Planes are context, bandwidth and albedo gate, before ReLU, softplus and sigmoid. */
  readonly kernels: { readonly area: Tile; readonly tensor: Tensor };
  /** What pixels are compared by; without it the embedding comes in planes, see {@link FilteredLevel}. */
  readonly embedding?: { readonly area: Tile; readonly tensor: Tensor };
}

/** One frame of a level: all planes have the level's size. */
export interface FilteredLevel {
  readonly width: number;
  readonly height: number;
  /** Colour 3, albedo 3 if there is one, further planes. */
  readonly planes: readonly Float32Array[];
  /** Embeddings of the whole level, where the kernel features have none. */
  readonly embedding?: readonly Float32Array[];
  /** Variances of pixels that are independent of each other. */
  readonly variances?: readonly Float32Array[];
}

/** What is done beside the kernels of a frame. */
export interface ApplyOptions {
  /** First planes of the colours, three planes each, that the albedo gate gives texture back to; none without an albedo. */
  readonly gate?: readonly number[];
  /** Plane of the level that the albedo gate is written to. */
  readonly gateTarget?: Float32Array;
  /** Planes of the level that the variances are written to, of what the kernels make of pixels with those of the source. */
  readonly varianceTargets?: readonly Float32Array[];
  /** Whether an area, a part of the tile, has to be filtered; all of it by default. */
  readonly wanted?: (area: Tile) => boolean;
}

/** Arrays in WebAssembly memory. */
type StripMemory = Readonly<
  Record<'weights' | 'queries' | 'keys' | 'output' | 'scratch' | 'kernels' | 'embedding', Float32Array>
>;

/** A strip in work. */
interface Strip {
  readonly area: Tile;
  readonly planes: number;
  readonly variances: number;
  readonly keyRow: number;
  /** Byte offset of the key of the strip's first pixel. */
  readonly centers: number;
}

/**
 * Predicts kernels from kernel features and applies them (Vogels et al. 2018, equations 3 and 4, with the affinity of
 * Isik et al. 2021), without ever storing the kernels of more than twelve pixels. Not for use by two threads.
 */
export class KernelApply {
  readonly #build: WasmBuild;
  readonly #call: Readonly<
    Record<
      'filterStrip' | 'unpackKeys' | 'unpackQueries' | 'remodulate',
      (...parameters: readonly number[]) => void
    >
  >;
  readonly #logits: KernelLogits;
  readonly #packed: Float32Array;
  /** Planes of embedding of a key. */
  readonly #embeddings: number;
  #memory: StripMemory | undefined;

  /**
   * @param simd the build to run; by default the fastest that this process can run.
   * @throws QuietframeError `invalid-argument` when the logits do not have K*K*(C+1) values, K is not odd and 3 to 21, or
   * E is above 8.
   */
  constructor(logits: KernelLogits, simd?: Simd, constants: NetworkConstants = NETWORK_CONSTANTS) {
    checkLogits(logits);
    this.#logits = logits;
    this.#packed = packLogits(logits);
    this.#embeddings = logits.embeddingChannels <= SMALL_EMBEDDING ? SMALL_EMBEDDING : MAX_EMBEDDING;
    this.#build = new WasmBuild('kernel-apply', simd);
    this.#build.setConstants(constants);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      filterStrip: call('filterStrip'),
      unpackKeys: call('unpackKeys'),
      unpackQueries: call('unpackQueries'),
      remodulate: call('remodulate'),
    };
  }

  /** The build that runs. */
  get simd(): Simd {
    return this.#build.simd;
  }

  /**
   * Memory for the kernel features of a tile, for the network to write. It takes the place of the last one.
   * @param areas of the kernels and, unless embeddings come in planes, of the embedding; both at even coordinates.
   * @param planes that are going to be filtered.
   * @param variances of them that are.
   */
  reserve(
    areas: { readonly kernels: Tile; readonly embedding?: Tile },
    planes: number,
    variances = 0,
  ): KernelFeatures {
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const filtered = planes + variances;
    const keyRow = (this.#embeddings + filtered) * KEY_WIDTH;
    const taps = Math.ceil(kernelSize ** 2 / TAP_GROUP) * TAP_GROUP;
    const shape = (area: Tile, channels: number): Tensor['shape'] => [
      ...([1, channels, Math.ceil(area.height / 2), Math.ceil(area.width / 2)] as const),
    ];
    const kernels = shape(areas.kernels, 4 * (contextChannels + 2));
    const embedding = areas.embedding && shape(areas.embedding, 4 * embeddingChannels);
    const length = (size: Tensor['shape'] | undefined): number => (size ? size[1] * size[2] * size[3] : 0);
    // A row of cells is read whole, whether it is part of the area or not.
    const cells = (size: Tensor['shape'] | undefined): number => length(size) + KEY_WIDTH;
    const arrays = this.#build.allocate(
      this.#packed.length,
      STRIP_ROWS * (contextChannels + 2) * STRIP,
      (STRIP_ROWS + kernelSize - 1) * keyRow,
      STRIP_ROWS * filtered * STRIP,
      taps * BLOCK + contextChannels * ACTIVE,
      cells(kernels),
      cells(embedding),
    );
    const [weights, queries, keys, output, scratch, kernelCells, embeddingCells] = arrays;
    weights.set(this.#packed);
    this.#memory = {
      ...{ weights, queries, keys, output, scratch },
      ...{ kernels: kernelCells, embedding: embeddingCells },
    };
    const tensor = (data: Float32Array, size: Tensor['shape']): Tensor => ({
      data: data.subarray(0, length(size)),
      shape: size,
    });
    return {
      kernels: { area: areas.kernels, tensor: tensor(kernelCells, kernels) },
      ...(areas.embedding &&
        embedding && { embedding: { area: areas.embedding, tensor: tensor(embeddingCells, embedding) } }),
    };
  }

  /**
   * Filters `tile` of all planes of a level into the targets, in their order; planes without a target are only read. The
   * features are the last that were reserved. Their areas cover the tile, which is at even coordinates, that of the
   * embedding `kernelSize >> 1` pixels around it too, as far as the picture reaches; beyond its border planes and
   * embeddings repeat the border pixel.
   */
  apply(
    features: KernelFeatures,
    source: FilteredLevel,
    targets: readonly (Float32Array | undefined)[],
    tile: Tile,
    { gate = [], gateTarget, varianceTargets = [], wanted = () => true }: ApplyOptions = {},
  ): void {
    const planes = source.planes.length;
    const variances = source.variances?.length ?? 0;
    const keyRow = (this.#embeddings + planes + variances) * KEY_WIDTH;
    const { keys } = this.#memory as StripMemory;
    const radius = this.#logits.kernelSize >> 1;
    const centers = keys.byteOffset + 4 * (radius * keyRow + margin(this.#logits));
    for (let y = 0; y < tile.height; y += STRIP_ROWS) {
      for (let x = 0; x < tile.width; x += STRIP) {
        const area = {
          ...{ x: tile.x + x, y: tile.y + y },
          width: Math.min(STRIP, tile.width - x),
          height: Math.min(STRIP_ROWS, tile.height - y),
        };
        if (!wanted(area)) continue;
        const strip = { area, planes, variances, keyRow, centers };
        this.#filter(features, source, strip);
        this.#remodulate(gate, strip);
        if (gateTarget !== undefined) this.#writeGates(strip, source.width, gateTarget);
        this.#writeOutput(strip, source.width, 0, targets);
        this.#writeOutput(strip, source.width, planes, varianceTargets);
      }
    }
  }

  /** Copies planes of the output, from `first` on. */
  #writeOutput(
    { area, planes, variances }: Strip,
    width: number,
    first: number,
    targets: readonly (Float32Array | undefined)[],
  ): void {
    const { output } = this.#memory as StripMemory;
    for (let row = 0; row < area.height; row++) {
      for (const [c, target] of targets.entries()) {
        const from = (row * (planes + variances) + first + c) * STRIP;
        target?.set(output.subarray(from, from + area.width), (area.y + row) * width + area.x);
      }
    }
  }

  #filter(features: KernelFeatures, source: FilteredLevel, { area, planes, variances, keyRow }: Strip): void {
    const { weights, queries, keys, output, scratch } = this.#memory as StripMemory;
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const radius = kernelSize >> 1;
    const queryRow = (contextChannels + 2) * STRIP;
    const kernels = cellsOf(features.kernels);
    for (let y = 0; y < area.height; y++) {
      const from = kernels.offset(0, area.x, area.y + y);
      this.#call.unpackQueries(from, kernels.plane, contextChannels, queries.byteOffset + 4 * y * queryRow);
    }
    const begin = area.x - margin(this.#logits);
    const columns = area.width + 2 * margin(this.#logits);
    const embedding = features.embedding && cellsOf(features.embedding);
    for (let y = 0; y < area.height + kernelSize - 1; y++) {
      const row = Math.min(Math.max(area.y + y - radius, 0), source.height - 1);
      const to = y * keyRow;
      if (embedding !== undefined) {
        const from = embedding.offset(0, begin, row);
        this.#call.unpackKeys(from, embedding.plane, embeddingChannels, keys.byteOffset + 4 * to);
        for (let e = 0; e < embeddingChannels; e++) {
          repeatBorder(keys, to + e * KEY_WIDTH, begin, source.width, columns);
        }
      } else {
        copyRows(source.embedding ?? [], source.width, row, keys, to, begin, columns);
      }
      keys.fill(0, to + embeddingChannels * KEY_WIDTH, to + this.#embeddings * KEY_WIDTH);
      const first = to + this.#embeddings * KEY_WIDTH;
      copyRows(source.planes, source.width, row, keys, first, begin, columns);
      copyRows(source.variances ?? [], source.width, row, keys, first + planes * KEY_WIDTH, begin, columns);
    }
    this.#call.filterStrip(
      ...([area.height, area.width, kernelSize, contextChannels] as const),
      ...([this.#embeddings, planes, variances] as const),
      weights.byteOffset,
      queries.byteOffset,
      keys.byteOffset + 4 * (margin(this.#logits) - radius),
      output.byteOffset,
      scratch.byteOffset,
    );
  }

  #writeGates({ area }: Strip, width: number, target: Float32Array): void {
    const { queries } = this.#memory as StripMemory;
    const channels = this.#logits.contextChannels + 2;
    for (let y = 0; y < area.height; y++) {
      const from = ((y + 1) * channels - 1) * STRIP;
      target.set(queries.subarray(from, from + area.width), (area.y + y) * width + area.x);
    }
  }

  #remodulate(gate: readonly number[], { area, planes, variances, centers }: Strip): void {
    const { queries, output } = this.#memory as StripMemory;
    const { contextChannels } = this.#logits;
    for (const first of gate) {
      this.#call.remodulate(
        ...([area.height, area.width, this.#embeddings, planes + variances, first] as const),
        queries.byteOffset + 4 * (contextChannels + 1) * STRIP,
        4 * (contextChannels + 2) * STRIP,
        centers,
        output.byteOffset,
      );
    }
  }
}
