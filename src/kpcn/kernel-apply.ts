import type { Tensor } from '../engine/engine.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Layout of `assembly/kernel-apply.ts`. */
const STRIP = 108;
const KEY_WIDTH = 128;
const BLOCK = 12;
const ACTIVE = 16;
const TAP_GROUP = 3;
const MAX_EMBEDDING = 8;
/** Rows of a strip that are in WebAssembly memory at once: its keys stay within a processor's cache. */
const STRIP_ROWS = 64;

/** The layer that turns context into the positional logits of the taps: raw float32 [K*K][C+1], weights, then bias. */
export interface KernelLogits {
  readonly kernelSize: number;
  readonly contextChannels: number;
  readonly embeddingChannels: number;
  readonly data: Float32Array;
}

/**
 * What the kernel predictor says about an area of the level, [1, 4(C + 1 + E), h/2, w/2]: channel 4c + 2v + u is pixel
 * (2y + v, 2x + u) of plane c. Planes are context, bandwidth, embedding, before ReLU and softplus.
 */
export interface KernelFeatures {
  /** At even coordinates; where its size is odd, the last cells lie half within. */
  readonly area: Tile;
  readonly tensor: Tensor;
}

/** Arrays in WebAssembly memory. */
type StripMemory = Readonly<
  Record<'weights' | 'queries' | 'keys' | 'output' | 'scratch' | 'cells', Float32Array>
>;

/**
 * Predicts kernels from kernel features and applies them (Vogels et al. 2018, equations 3 and 4, with the affinity of
 * Isik et al. 2021), without ever storing a kernel of more than twelve pixels. Not for use by two threads.
 */
export class KernelApply {
  readonly #build: WasmBuild;
  readonly #filterStrip: (...parameters: readonly number[]) => void;
  readonly #unpackKeys: (...parameters: readonly number[]) => void;
  readonly #unpackQueries: (...parameters: readonly number[]) => void;
  readonly #logits: KernelLogits;
  readonly #packed: Float32Array;
  #memory: StripMemory | undefined;

  /**
   * @param simd the build to run; by default the fastest that this process can run.
   * @throws QuietframeError `invalid-argument` when the logits do not have K*K*(C+1) values, K is not odd and 3 to 21, or
   * E is above 8.
   */
  constructor(logits: KernelLogits, simd?: Simd) {
    checkLogits(logits);
    this.#logits = logits;
    this.#packed = packLogits(logits);
    this.#build = new WasmBuild('kernel-apply', simd);
    this.#filterStrip = this.#build.function('filterStrip');
    this.#unpackKeys = this.#build.function('unpackKeys');
    this.#unpackQueries = this.#build.function('unpackQueries');
  }

  /** The build that runs. */
  get simd(): Simd {
    return this.#build.simd;
  }

  /**
   * Memory for the kernel features of an area, at even coordinates, for the network to write. It takes the place of the
   * last one.
   * @param planes of the rasters that are going to be filtered.
   */
  reserve(area: Tile, planes: number): KernelFeatures {
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const channels = 4 * (contextChannels + 1 + embeddingChannels);
    const [width, height] = [Math.ceil(area.width / 2), Math.ceil(area.height / 2)];
    const samples = MAX_EMBEDDING + Math.max(planes, 3);
    const length = channels * width * height;
    const taps = Math.ceil(kernelSize ** 2 / TAP_GROUP) * TAP_GROUP;
    const [weights, queries, keys, output, scratch, cells] = this.#build.allocate(
      this.#packed.length,
      STRIP_ROWS * (contextChannels + 1) * STRIP,
      (STRIP_ROWS + kernelSize - 1) * samples * KEY_WIDTH,
      STRIP_ROWS * samples * STRIP,
      taps * BLOCK + contextChannels * ACTIVE,
      length + KEY_WIDTH,
    );
    weights.set(this.#packed);
    this.#memory = { weights, queries, keys, output, scratch, cells };
    return { area, tensor: { data: cells.subarray(0, length), shape: [1, channels, height, width] } };
  }

  /**
   * Filters `tile` of all planes of `source` into `target`, rasters of one level. The area of the features, the last that
   * were reserved, covers the tile, which is at even coordinates, and `kernelSize >> 1` pixels around it, as far as the
   * picture reaches; beyond its border colours and embeddings repeat the border pixel.
   */
  apply(features: KernelFeatures, source: Raster, target: Raster, tile: Tile): void {
    for (let y = 0; y < tile.height; y += STRIP_ROWS) {
      for (let x = 0; x < tile.width; x += STRIP) {
        const width = Math.min(STRIP, tile.width - x);
        const height = Math.min(STRIP_ROWS, tile.height - y);
        this.#applyToStrip(features, source, target, { x: tile.x + x, y: tile.y + y, width, height });
      }
    }
  }

  #applyToStrip({ area, tensor }: KernelFeatures, source: Raster, target: Raster, strip: Tile): void {
    const { weights, queries, keys, output, scratch, cells } = this.#memory as StripMemory;
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const radius = kernelSize >> 1;
    // Rows of keys begin at a whole cell.
    const margin = radius + (radius % 2);
    const planes = Math.max(source.channels, 3);
    const queryRow = (contextChannels + 1) * STRIP;
    const keyRow = (MAX_EMBEDDING + planes) * KEY_WIDTH;
    const [, , cellRows, cellsPerRow] = tensor.shape;
    const cellPlane = cellRows * cellsPerRow;
    /** Byte offset of the cell of a pixel, and of the half of its channels that belong to its row. */
    const cellOffset = (channel: number, x: number, y: number): number => {
      const cell = ((y - area.y) >> 1) * cellsPerRow + (x - area.x) / 2;
      return cells.byteOffset + 4 * ((4 * channel + 2 * (y % 2)) * cellPlane + cell);
    };

    for (let y = 0; y < strip.height; y++) {
      const from = cellOffset(0, strip.x, strip.y + y);
      this.#unpackQueries(from, 4 * cellPlane, contextChannels, queries.byteOffset + 4 * y * queryRow);
    }
    const begin = strip.x - margin;
    const columns = strip.width + 2 * margin;
    for (let y = 0; y < strip.height + kernelSize - 1; y++) {
      const row = Math.min(Math.max(strip.y + y - radius, 0), source.height - 1);
      const from = cellOffset(contextChannels + 1, begin, row);
      this.#unpackKeys(from, 4 * cellPlane, embeddingChannels, keys.byteOffset + 4 * y * keyRow);
      for (let e = 0; e < embeddingChannels; e++) {
        repeatBorder(keys, y * keyRow + e * KEY_WIDTH, begin, source.width, columns);
      }
      for (let c = 0; c < source.channels; c++) {
        const row0 = (c * source.height + row) * source.width;
        const to = y * keyRow + (MAX_EMBEDDING + c) * KEY_WIDTH;
        const first = Math.max(begin, 0);
        const end = Math.min(begin + columns, source.width);
        keys.set(source.data.subarray(row0 + first, row0 + end), to + first - begin);
        repeatBorder(keys, to, begin, source.width, columns);
      }
    }
    this.#filterStrip(
      strip.height,
      strip.width,
      kernelSize,
      contextChannels,
      planes,
      weights.byteOffset,
      queries.byteOffset,
      keys.byteOffset + 4 * (margin - radius),
      output.byteOffset,
      scratch.byteOffset,
    );
    for (let y = 0; y < strip.height; y++) {
      for (let c = 0; c < source.channels; c++) {
        const from = (y * planes + c) * STRIP;
        const to = (c * target.height + strip.y + y) * target.width + strip.x;
        target.data.set(output.subarray(from, from + strip.width), to);
      }
    }
  }
}

/** Makes the columns of a row of keys that lie beyond the picture repeat its border; the row begins at column `begin`. */
function repeatBorder(keys: Float32Array, at: number, begin: number, width: number, columns: number): void {
  if (begin < 0) keys.fill(keys[at - begin] as number, at, at - begin);
  if (begin + columns > width) {
    const end = at + width - begin;
    keys.fill(keys[end - 1] as number, end, at + columns);
  }
}

function checkLogits({ kernelSize, contextChannels, embeddingChannels, data }: KernelLogits): void {
  const check = (holds: boolean, range: string, name: string, received: number): void => {
    if (!holds) throw new QuietframeError('invalid-argument', expected(range, name, received));
  };
  check(
    kernelSize % 2 === 1 && kernelSize >= 3 && kernelSize <= 21,
    'an odd number from 3 to 21',
    'kernelSize',
    kernelSize,
  );
  check(
    embeddingChannels >= 0 && embeddingChannels <= MAX_EMBEDDING,
    `0 to ${MAX_EMBEDDING}`,
    'embeddingChannels',
    embeddingChannels,
  );
  const length = kernelSize ** 2 * (contextChannels + 1);
  check(data.length === length, `${length} values`, 'kernel logits', data.length);
}

/** [K*K][C+1] -> [ceil(K*K/3)][C+1][3] in base 2, the bias first. */
function packLogits({ kernelSize, contextChannels, data }: KernelLogits): Float32Array {
  const columns = contextChannels + 1;
  const packed = new Float32Array(Math.ceil(kernelSize ** 2 / TAP_GROUP) * TAP_GROUP * columns);
  for (let tap = 0; tap < kernelSize ** 2; tap++) {
    const group = Math.floor(tap / TAP_GROUP) * TAP_GROUP * columns;
    for (let c = 0; c < columns; c++) {
      const row = (c + 1) % columns;
      packed[group + row * TAP_GROUP + (tap % TAP_GROUP)] = Math.LOG2E * (data[tap * columns + c] as number);
    }
  }
  return packed;
}
