import type { Tensor } from '../engine/engine.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';

/** Layout of `assembly/kernel-apply.ts`. */
const STRIP = 108;
const KEY_WIDTH = 128;
const BLOCK = 12;
const ACTIVE = 16;
const TAP_GROUP = 3;
const MAX_EMBEDDING = 8;
const MIN_PLANES = 6;
/** The largest logit and the sum of the weights, beside the planes of the output. */
const STATE_PLANES = 2;
/** Rows of a strip that are in WebAssembly memory at once: its keys stay within a processor's cache. */
const STRIP_ROWS = 64;

/** The layer that turns context into the positional logits of the taps: raw float32 [K*K][C+1], weights, then bias. */
export interface KernelLogits {
  readonly kernelSize: number;
  readonly contextChannels: number;
  readonly embeddingChannels: number;
  readonly data: Float32Array;
  /** The same for the kernels in other frames, [slots][K*K][C+1]. */
  readonly neighbors?: {
    readonly slots: number;
    readonly kernelSize: number;
    readonly contextChannels: number;
    readonly data: Float32Array;
  };
}

/**
 * What the network predicts about an area of the level, at even coordinates; where the size of the area is odd, the last
 * cells lie half within. Tensors are [1, 4P, h/2, w/2]: channel 4c + 2v + u is pixel (2y + v, 2x + u) of plane c.
 */
export interface KernelFeatures {
  /** Planes are context, bandwidth and albedo gate, before ReLU, softplus and sigmoid. */
  readonly kernels: { readonly area: Tile; readonly tensor: Tensor };
  /** Planes are context and bandwidth relative to that of the kernels, for one slot after the other. */
  readonly neighbors?: Tensor;
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
}

/** Another frame of the window. */
export interface FilteredNeighbor extends FilteredLevel {
  readonly embedding: readonly Float32Array[];
  readonly slot: number;
  /** From each pixel of the level to its place in the other frame, in pixels; NaN where it is not known. */
  readonly motion: Raster;
}

/** What is done beside the kernels of a frame. */
export interface ApplyOptions {
  /** First planes of the colours, three planes each, that the albedo gate gives texture back to; none without an albedo. */
  readonly gate?: readonly number[];
  /** Frames that the kernels are applied to, too. */
  readonly neighbors?: readonly FilteredNeighbor[];
}

/** Arrays in WebAssembly memory. */
type StripMemory = Readonly<
  Record<
    | 'weights'
    | 'queries'
    | 'keys'
    | 'output'
    | 'scratch'
    | 'kernels'
    | 'embedding'
    | 'neighbors'
    | 'neighborQueries'
    | 'region'
    | 'taps'
    | 'frame'
    | 'motion'
    | 'offsets'
    | 'places',
    Float32Array
  >
> & { readonly bounds: Int32Array };

/** A strip in work. */
interface Strip {
  readonly area: Tile;
  readonly planes: number;
  readonly keyRow: number;
  /** Byte offset of the key of the strip's first pixel. */
  readonly centers: number;
}

/**
 * Predicts kernels from kernel features and applies them (Vogels et al. 2018, equations 3 and 4, with the affinity of
 * Isik et al. 2021) to a frame and, repositioned along motion, to other frames of its window, all by one softmax; without
 * ever storing a kernel of more than twelve pixels. Not for use by two threads.
 */
export class KernelApply {
  readonly #build: WasmBuild;
  readonly #call: Readonly<
    Record<
      | 'filterStrip'
      | 'unpackKeys'
      | 'unpackQueries'
      | 'unpackNeighborQueries'
      | 'findPlaces'
      | 'placeBounds'
      | 'placeOffsets'
      | 'joinNeighbor'
      | 'remodulate',
      (...parameters: readonly number[]) => void
    >
  >;
  readonly #logits: KernelLogits;
  readonly #packed: Float32Array;
  /** Of each slot, in floats, where its packed logits begin. */
  readonly #slots: readonly number[];
  #memory: StripMemory | undefined;

  /**
   * @param simd the build to run; by default the fastest that this process can run.
   * @throws QuietframeError `invalid-argument` when the logits do not have K*K*(C+1) values, K is not odd and 3 to 21, or
   * E is above 8.
   */
  constructor(logits: KernelLogits, simd?: Simd) {
    checkLogits(logits);
    this.#logits = logits;
    const packed = packAll(logits);
    this.#packed = packed.data;
    this.#slots = packed.slots;
    this.#build = new WasmBuild('kernel-apply', simd);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      filterStrip: call('filterStrip'),
      unpackKeys: call('unpackKeys'),
      unpackQueries: call('unpackQueries'),
      unpackNeighborQueries: call('unpackNeighborQueries'),
      findPlaces: call('findPlaces'),
      placeBounds: call('placeBounds'),
      placeOffsets: call('placeOffsets'),
      joinNeighbor: call('joinNeighbor'),
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
   * @param neighbors whether there are other frames.
   */
  reserve(
    areas: { readonly kernels: Tile; readonly embedding?: Tile },
    planes: number,
    neighbors = false,
  ): KernelFeatures {
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const other = neighbors ? this.#logits.neighbors : undefined;
    const samples = MAX_EMBEDDING + Math.max(planes, MIN_PLANES);
    const keyRow = samples * KEY_WIDTH;
    const taps = Math.ceil(kernelSize ** 2 / TAP_GROUP) * TAP_GROUP;
    const shape = (area: Tile, channels: number): Tensor['shape'] => [
      ...([1, channels, Math.ceil(area.height / 2), Math.ceil(area.width / 2)] as const),
    ];
    const kernels = shape(areas.kernels, 4 * (contextChannels + 2));
    const embedding = areas.embedding && shape(areas.embedding, 4 * embeddingChannels);
    const neighborShape = other && shape(areas.kernels, 4 * other.slots * (other.contextChannels + 1));
    const length = (size: Tensor['shape'] | undefined): number => (size ? size[1] * size[2] * size[3] : 0);
    // A row of cells is read whole, whether it is part of the area or not.
    const cells = (size: Tensor['shape'] | undefined): number => length(size) + KEY_WIDTH;
    const channels = Math.max(contextChannels, other?.contextChannels ?? 0);
    const arrays = this.#build.allocate(
      this.#packed.length,
      STRIP_ROWS * (contextChannels + 2) * STRIP,
      (STRIP_ROWS + kernelSize - 1) * keyRow,
      STRIP_ROWS * (samples - MAX_EMBEDDING + STATE_PLANES) * STRIP,
      Math.max(taps, ((other?.kernelSize ?? 0) + 1) ** 2) * BLOCK + channels * ACTIVE,
      cells(kernels),
      cells(embedding),
      cells(neighborShape),
      other ? STRIP_ROWS * (other.contextChannels + 1) * STRIP : 0,
      other ? KEY_WIDTH * keyRow : 0,
      other ? other.kernelSize * keyRow : 0,
      other ? (samples - MAX_EMBEDDING + STATE_PLANES) * STRIP : 0,
      other ? STRIP_ROWS * STRIP : 0,
      other ? 2 * STRIP_ROWS * STRIP : 0,
      other ? 2 * STRIP_ROWS * STRIP : 0,
      4,
    );
    const [weights, queries, keys, output, scratch, kernelCells, embeddingCells, neighborCells] = arrays;
    const [, , , , , , , , neighborQueries, region, taps4, frame, offsets, motion, places, bounds] = arrays;
    weights.set(this.#packed);
    this.#memory = {
      ...{ weights, queries, keys, output, scratch, neighborQueries, region, taps: taps4, frame },
      ...{ kernels: kernelCells, embedding: embeddingCells, neighbors: neighborCells },
      ...{ motion, offsets, places },
      bounds: new Int32Array(bounds.buffer, bounds.byteOffset, bounds.length),
    };
    const tensor = (data: Float32Array, size: Tensor['shape']): Tensor => ({
      data: data.subarray(0, length(size)),
      shape: size,
    });
    return {
      kernels: { area: areas.kernels, tensor: tensor(kernelCells, kernels) },
      ...(neighborShape && { neighbors: tensor(neighborCells, neighborShape) }),
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
    { gate = [], neighbors = [] }: ApplyOptions = {},
  ): void {
    const planes = Math.max(source.planes.length, MIN_PLANES);
    const keyRow = (MAX_EMBEDDING + planes) * KEY_WIDTH;
    const { output, keys } = this.#memory as StripMemory;
    const radius = this.#logits.kernelSize >> 1;
    const centers = keys.byteOffset + 4 * (radius * keyRow + margin(this.#logits));
    for (let y = 0; y < tile.height; y += STRIP_ROWS) {
      for (let x = 0; x < tile.width; x += STRIP) {
        const area = {
          ...{ x: tile.x + x, y: tile.y + y },
          width: Math.min(STRIP, tile.width - x),
          height: Math.min(STRIP_ROWS, tile.height - y),
        };
        const strip = { area, planes, keyRow, centers };
        this.#filter(features, source, strip);
        for (const neighbor of neighbors) this.#join(features, neighbor, strip);
        this.#remodulate(gate, strip);
        for (let row = 0; row < area.height; row++) {
          for (const [c, target] of targets.entries()) {
            const from = (row * (planes + STATE_PLANES) + c) * STRIP;
            target?.set(output.subarray(from, from + area.width), (area.y + row) * source.width + area.x);
          }
        }
      }
    }
  }

  #filter(features: KernelFeatures, source: FilteredLevel, { area, planes, keyRow }: Strip): void {
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
      keys.fill(0, to + embeddingChannels * KEY_WIDTH, to + MAX_EMBEDDING * KEY_WIDTH);
      const first = to + MAX_EMBEDDING * KEY_WIDTH;
      copyRows(source.planes, source.width, row, keys, first, begin, columns);
    }
    this.#call.filterStrip(
      ...([area.height, area.width, kernelSize, contextChannels, planes] as const),
      weights.byteOffset,
      queries.byteOffset,
      keys.byteOffset + 4 * (margin(this.#logits) - radius),
      output.byteOffset,
      scratch.byteOffset,
    );
  }

  #join(features: KernelFeatures, neighbor: FilteredNeighbor, strip: Strip): void {
    const { neighborQueries } = this.#memory as StripMemory;
    const { area } = strip;
    const { contextChannels: centerChannels, neighbors: logits } = this.#logits;
    if (features.neighbors === undefined || logits === undefined) {
      throw new TypeError('Kernels for other frames were not reserved');
    }
    const { contextChannels, kernelSize } = logits;
    const cells = cellsOf({ area: features.kernels.area, tensor: features.neighbors });
    const bandwidths = cellsOf(features.kernels);
    const first = 4 * neighbor.slot * (contextChannels + 1);
    for (let y = 0; y < area.height; y++) {
      this.#call.unpackNeighborQueries(
        cells.offset(first, area.x, area.y + y),
        bandwidths.offset(4 * centerChannels, area.x, area.y + y),
        cells.plane,
        contextChannels,
        neighborQueries.byteOffset + 4 * y * (contextChannels + 1) * STRIP,
      );
    }
    const { motion, places, bounds } = this.#memory as StripMemory;
    const { width, height } = neighbor;
    for (let c = 0; c < 2; c++) {
      const values = plane(neighbor.motion, c);
      for (let y = 0; y < area.height; y++) {
        const from = (area.y + y) * width + area.x;
        motion.set(values.subarray(from, from + area.width), (c * area.height + y) * STRIP);
      }
    }
    this.#call.findPlaces(
      ...([area.height, area.width, area.x, area.y, width, height] as const),
      ...([motion.byteOffset, places.byteOffset] as const),
    );
    const parts: Tile[] = [{ x: 0, y: 0, width: area.width, height: area.height }];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      this.#call.placeBounds(
        ...([area.height, part.y, part.y + part.height, part.x, part.x + part.width] as const),
        ...([places.byteOffset, bounds.byteOffset] as const),
      );
      const [left = 0, right = -1, top = 0, bottom = -1] = bounds;
      if (right < 0) continue;
      const region = { x: left, y: top, width: right - left + 1, height: bottom - top + 1 };
      const fits = Math.max(region.width, region.height) + kernelSize - 1 <= KEY_WIDTH;
      // Where motion leads far apart: one pixel always fits.
      if (fits) this.#joinPart(neighbor, strip, part, region);
      else parts.push(...halves(part, BLOCK));
    }
  }

  /** Joins a part of a strip whose places in the other frame are within bounds that fit the memory. */
  #joinPart(neighbor: FilteredNeighbor, strip: Strip, part: Tile, bounds: Tile): void {
    const memory = this.#memory as StripMemory;
    const { kernelSize, contextChannels } = this.#logits.neighbors ?? this.#logits;
    const { embeddingChannels } = this.#logits;
    const { region, offsets, neighborQueries, weights } = memory;
    const { area, planes, keyRow, centers } = strip;
    const radius = kernelSize >> 1;
    for (let y = 0; y < bounds.height + kernelSize - 1; y++) {
      const row = Math.min(Math.max(bounds.y + y - radius, 0), neighbor.height - 1);
      const columns = bounds.width + kernelSize - 1;
      const begin = bounds.x - radius;
      const to = y * keyRow;
      copyRows(neighbor.embedding, neighbor.width, row, region, to, begin, columns);
      region.fill(0, to + embeddingChannels * KEY_WIDTH, to + MAX_EMBEDDING * KEY_WIDTH);
      copyRows(neighbor.planes, neighbor.width, row, region, to + MAX_EMBEDDING * KEY_WIDTH, begin, columns);
    }
    this.#call.placeOffsets(
      ...([area.height, part.y, part.y + part.height, part.x, part.x + part.width] as const),
      ...([bounds.x, bounds.y, 4 * keyRow, memory.places.byteOffset, offsets.byteOffset] as const),
    );
    const firstBlock = Math.floor(part.x / BLOCK);
    const blocks = Math.ceil((part.x + part.width) / BLOCK) - firstBlock;
    this.#call.joinNeighbor(
      ...([part.height, firstBlock, blocks, kernelSize, contextChannels, planes] as const),
      weights.byteOffset + 4 * (this.#slots[neighbor.slot] as number),
      neighborQueries.byteOffset + 4 * part.y * (contextChannels + 1) * STRIP,
      centers + 4 * part.y * keyRow,
      region.byteOffset,
      offsets.byteOffset + 4 * part.y * STRIP,
      memory.output.byteOffset + 4 * part.y * (planes + STATE_PLANES) * STRIP,
      memory.scratch.byteOffset,
      memory.taps.byteOffset,
      memory.frame.byteOffset,
    );
  }

  #remodulate(gate: readonly number[], { area, planes, centers }: Strip): void {
    const { queries, output } = this.#memory as StripMemory;
    const { contextChannels } = this.#logits;
    for (const first of gate) {
      this.#call.remodulate(
        ...([area.height, area.width, planes, first] as const),
        queries.byteOffset + 4 * (contextChannels + 1) * STRIP,
        4 * (contextChannels + 2) * STRIP,
        centers,
        output.byteOffset,
      );
    }
  }
}

/** Two halves of a part of more than one pixel: rows as long as there are two, then columns at multiples of the block. */
function halves(part: Tile, block: number): [Tile, Tile] {
  const { x, y, width, height } = part;
  if (height > 1) {
    const first = height >> 1;
    return [
      { ...part, height: first },
      { ...part, y: y + first, height: height - first },
    ];
  }
  const first = width > block ? Math.ceil(width / 2 / block) * block : width >> 1;
  return [
    { ...part, width: first },
    { ...part, x: x + first, width: width - first },
  ];
}

/** Columns of keys before those of a strip: the radius of the kernel, rounded up to a whole cell. */
function margin({ kernelSize }: KernelLogits): number {
  const radius = kernelSize >> 1;
  return radius + (radius % 2);
}

/** Byte offsets of the cells of a tensor over an area: those of a pixel, and of the half of the channels of its row. */
function cellsOf({ area, tensor }: { readonly area: Tile; readonly tensor: Tensor }): {
  readonly plane: number;
  readonly offset: (channel: number, x: number, y: number) => number;
} {
  const { byteOffset } = tensor.data;
  const [, , rows, columns] = tensor.shape;
  const plane = rows * columns;
  return {
    plane: 4 * plane,
    offset: (channel, x, y) => {
      const cell = ((y - area.y) >> 1) * columns + (x - area.x) / 2;
      return byteOffset + 4 * ((channel + 2 * (y % 2)) * plane + cell);
    },
  };
}

/** Copies columns of a row of all planes, which lie KEY_WIDTH apart from `to` on; beyond the picture its border repeats. */
function copyRows(
  planes: readonly Float32Array[],
  width: number,
  row: number,
  keys: Float32Array,
  to: number,
  begin: number,
  columns: number,
): void {
  const first = Math.max(begin, 0);
  const end = Math.min(begin + columns, width);
  for (const plane of planes) {
    keys.set(plane.subarray(row * width + first, row * width + end), to + first - begin);
    repeatBorder(keys, to, begin, width, columns);
    to += KEY_WIDTH;
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

function checkLogits({
  kernelSize,
  contextChannels,
  embeddingChannels,
  data,
  neighbors,
}: KernelLogits): void {
  const check = (holds: boolean, range: string, name: string, received: number): void => {
    if (!holds) throw new QuietframeError('invalid-argument', expected(range, name, received));
  };
  const checkSize = (size: number, name: string): void =>
    check(size % 2 === 1 && size >= 3 && size <= 21, 'an odd number from 3 to 21', name, size);
  checkSize(kernelSize, 'kernelSize');
  check(
    embeddingChannels >= 0 && embeddingChannels <= MAX_EMBEDDING,
    `0 to ${MAX_EMBEDDING}`,
    'embeddingChannels',
    embeddingChannels,
  );
  const length = kernelSize ** 2 * (contextChannels + 1);
  check(data.length === length, `${length} values`, 'kernel logits', data.length);
  if (neighbors === undefined) return;
  checkSize(neighbors.kernelSize, 'neighborKernelSize');
  const all = neighbors.slots * neighbors.kernelSize ** 2 * (neighbors.contextChannels + 1);
  check(neighbors.data.length === all, `${all} values`, 'neighbor logits', neighbors.data.length);
}

/** The packed logits of the kernel and then of every slot, and where those begin. */
function packAll({ kernelSize, contextChannels, data, neighbors }: KernelLogits): {
  data: Float32Array;
  slots: number[];
} {
  const parts = [packLogits(kernelSize, contextChannels, data)];
  if (neighbors !== undefined) {
    const length = neighbors.data.length / neighbors.slots;
    for (let begin = 0; begin < neighbors.data.length; begin += length) {
      const slot = neighbors.data.subarray(begin, begin + length);
      parts.push(packLogits(neighbors.kernelSize, neighbors.contextChannels, slot));
    }
  }
  const packed = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  const begins: number[] = [];
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    begins.push(at);
    at += part.length;
  }
  return { data: packed, slots: begins.slice(1) };
}

/** [K*K][C+1] -> [ceil(K*K/3)][C+1][3] in base 2, the bias first. */
function packLogits(kernelSize: number, contextChannels: number, data: Float32Array): Float32Array {
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
