import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Layout of `assembly/kernel-apply.ts`. */
const STRIP = 108;
const KEY_WIDTH = 128;
const BLOCK = 12;
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

/** Output of the kernel predictor, [C + 1 + E][h][w]: context, bandwidth, embedding, for an area of the level. */
export interface KernelFeatures {
  readonly area: Tile;
  readonly data: Float32Array;
}

/**
 * Predicts kernels from kernel features and applies them (Vogels et al. 2018, equations 3 and 4, with the affinity of
 * Isik et al. 2021), without ever storing a kernel of more than twelve pixels. Not for use by two threads.
 */
export class KernelApply {
  readonly #build: WasmBuild;
  readonly #filterStrip: (...parameters: readonly number[]) => void;
  readonly #logits: KernelLogits;
  readonly #packed: Float32Array;

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
  }

  /** The build that runs. */
  get simd(): Simd {
    return this.#build.simd;
  }

  /**
   * Filters `tile` of all planes of `source` into `target`, rasters of one level. The area of the features covers the tile
   * and `kernelSize >> 1` pixels around it, as far as the picture reaches; beyond its border colours and embeddings repeat
   * the border pixel.
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

  #applyToStrip({ area, data }: KernelFeatures, source: Raster, target: Raster, strip: Tile): void {
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const radius = kernelSize >> 1;
    const planes = Math.max(source.channels, 3);
    const queryRow = (contextChannels + 1) * STRIP;
    const keyRow = (MAX_EMBEDDING + planes) * KEY_WIDTH;
    const keyRows = strip.height + kernelSize - 1;
    const scratchLength = Math.ceil(kernelSize ** 2 / TAP_GROUP) * TAP_GROUP * BLOCK;
    const [weights, queries, keys, output, scratch] = this.#build.allocate(
      this.#packed.length,
      strip.height * queryRow,
      keyRows * keyRow,
      strip.height * planes * STRIP,
      scratchLength,
    );

    weights.set(this.#packed);
    const size = area.width * area.height;
    for (let y = 0; y < strip.height; y++) {
      const from = (strip.y + y - area.y) * area.width + strip.x - area.x;
      for (let c = 0; c < contextChannels; c++) {
        queries.set(data.subarray(c * size + from, c * size + from + strip.width), y * queryRow + c * STRIP);
      }
      const to = y * queryRow + contextChannels * STRIP;
      for (let x = 0; x < strip.width; x++) {
        queries[to + x] = -Math.LOG2E * (data[contextChannels * size + from + x] as number);
      }
    }
    const columns = strip.width + 2 * radius;
    const embedding = data.subarray((contextChannels + 1) * size);
    for (let y = 0; y < keyRows; y++) {
      const row = Math.min(Math.max(strip.y + y - radius, 0), source.height - 1);
      for (let e = 0; e < embeddingChannels; e++) {
        const from = e * size + (row - area.y) * area.width;
        copyClamped(
          embedding,
          from,
          strip.x - radius - area.x,
          area.width,
          keys,
          y * keyRow + e * KEY_WIDTH,
          columns,
        );
      }
      keys.fill(0, y * keyRow + embeddingChannels * KEY_WIDTH, y * keyRow + MAX_EMBEDDING * KEY_WIDTH);
      for (let c = 0; c < source.channels; c++) {
        const from = (c * source.height + row) * source.width;
        const to = y * keyRow + (MAX_EMBEDDING + c) * KEY_WIDTH;
        copyClamped(source.data, from, strip.x - radius, source.width, keys, to, columns);
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
      keys.byteOffset,
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

/** `count` samples of a row from `begin` on, which may lie beyond its ends: there the first or last sample repeats. */
function copyClamped(
  source: Float32Array,
  row: number,
  begin: number,
  width: number,
  target: Float32Array,
  at: number,
  count: number,
): void {
  const before = Math.max(-begin, 0);
  const inside = Math.min(begin + count, width) - Math.max(begin, 0);
  const from = row + Math.max(begin, 0);
  target.fill(source[row] as number, at, at + before);
  target.set(source.subarray(from, from + inside), at + before);
  target.fill(source[row + width - 1] as number, at + before + inside, at + count);
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
