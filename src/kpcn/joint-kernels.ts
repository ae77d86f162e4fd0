import type { Tensor } from '../engine/engine.js';
import { NETWORK_CONSTANTS, type NetworkConstants } from '../engine/model-manifest.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { COLOR_CHANNELS } from './frame-pyramid.js';
import { copyRow, eachPart, tileOfBounds, toShares } from './fusion-rows.js';
import { type KernelLogits, packRelativeLogits } from './kernel-logits.js';

/** Layout of `assembly/joint-kernels.ts`. */
const STRIP = 224;
const STRIP_ROWS = 16;
const REGION_WIDTH = 256;
const LANES = 4;
/** Planes of the center that `remodulate` reads: three of no use here, then the albedo. */
const GUIDE_PLANES = 6;

/** A level of a noisy frame of a window. All rasters have the level's size; light is not exposed. */
export interface NoisyFrame {
  /** Of the network's channels; the center's comes last. */
  readonly slot: number;
  /** Color, then further planes. */
  readonly light: Raster;
  readonly albedo?: Raster;
  readonly embedding: Raster;
  /** From each pixel of the center to its place, in pixels; NaN where it is not known, undefined for the center itself. */
  readonly motion?: Raster;
}

/** What is predicted about an area at even coordinates, as the network writes it: [1,4P,h/2,w/2]. */
export interface JointFeatures {
  readonly area: Tile;
  /** Planes of the kernel of the center alone: context, bandwidth, gate. */
  readonly kernel: Tensor;
  /** For each slot the planes of what the frame changes: context, bandwidth, weight. */
  readonly changes: Tensor;
}

/** The frames of a window, the center first. */
export interface JointTask {
  readonly frames: readonly [NoisyFrame, ...NoisyFrame[]];
  /** Of the center; without it the texture of its albedo is not given back. */
  readonly gate?: Raster;
  /** First planes of the colors within the light, that the gate works on. */
  readonly colors: readonly number[];
  /** What the weights of the frames are written to, divided by their sum: in the order of the frames. */
  readonly shares?: Raster;
}

/**
 * Figure 3 of Vogels et al. 2018 to the letter: in every noisy frame of a window a kernel of its own, repositioned along motion,
 * and one softmax for all of them (equation 4). `TemporalFusion` factors these kernels, at a sixth of the cost. Not for use by
 * two threads.
 */
export class JointKernels {
  readonly #build: WasmBuild;
  readonly #logits: KernelLogits;
  /** Taps of a row with those that fill up its last vector. */
  readonly #rowTaps: number;
  readonly #packed: Float32Array;
  readonly #call: Readonly<
    Record<
      'unpackQueries' | 'findPlaces' | 'placeBounds' | 'placeOffsets' | 'join' | 'divide' | 'remodulate',
      (...parameters: readonly number[]) => void
    >
  >;
  #memory: Memory | undefined;

  /** @param simd the build to run; by default the fastest that this process can run. */
  constructor(logits: KernelLogits, simd?: Simd, constants: NetworkConstants = NETWORK_CONSTANTS) {
    this.#logits = logits;
    this.#rowTaps = Math.ceil(logits.kernelSize / LANES) * LANES;
    this.#packed = packRelativeLogits(logits, this.#rowTaps);
    this.#build = new WasmBuild('joint-kernels', simd);
    this.#build.setConstants(constants);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      unpackQueries: call('unpackQueries'),
      findPlaces: call('findPlaces'),
      placeBounds: call('placeBounds'),
      placeOffsets: call('placeOffsets'),
      join: call('join'),
      divide: call('divide'),
      remodulate: call('remodulate'),
    };
  }

  /** Memory for what is predicted about an area, for the network to write, and for so many planes of light. It replaces the last. */
  reserve(area: Tile, slots: number, lights: number): JointFeatures {
    const planes = 4 * (this.#logits.contextChannels + 2);
    const [rows, columns] = [Math.ceil(area.height / 2), Math.ceil(area.width / 2)];
    const sizes = { cells: planes * rows * columns, slots, lights, taps: this.#packed.length };
    const memory = allocate(this.#build, this.#logits, sizes);
    this.#memory = memory;
    memory.taps.set(this.#packed);
    const tensor = (data: Float32Array, channels: number): Tensor => ({
      data: data.subarray(0, channels * rows * columns),
      shape: [1, channels, rows, columns],
    });
    return { area, kernel: tensor(memory.kernel, planes), changes: tensor(memory.changes, slots * planes) };
  }

  /** Filters `tile` of the light, at even coordinates, into the target. The features are the last that were reserved. */
  apply(task: JointTask, features: JointFeatures, tile: Tile, target: Raster): void {
    const [center] = task.frames;
    const lights = center.light.channels;
    for (let y = 0; y < tile.height; y += STRIP_ROWS) {
      for (let x = 0; x < tile.width; x += STRIP) {
        const area = {
          ...{ x: tile.x + x, y: tile.y + y },
          width: Math.min(STRIP, tile.width - x),
          height: Math.min(STRIP_ROWS, tile.height - y),
        };
        this.#begin(center, area);
        for (const [i, frame] of task.frames.entries()) {
          this.#join(frame, features, area);
          if (task.shares !== undefined) this.#copyOut(task.shares, i, 3 + lights, lights, area);
        }
        if (task.shares !== undefined) toShares(task.shares, area);
        this.#end(task, area, target);
      }
    }
  }

  #reserved(): Memory {
    if (this.#memory === undefined) throw new TypeError('No features were reserved');
    return this.#memory;
  }

  #begin({ embedding, albedo, light }: NoisyFrame, area: Tile): void {
    const { centers, guides, output } = this.#reserved();
    const { embeddingChannels } = this.#logits;
    for (let y = 0; y < area.height; y++) {
      const row = area.y + y;
      copyRow(embedding, 0, embeddingChannels, row, area, centers, y * embeddingChannels * STRIP, STRIP);
      const to = (y * GUIDE_PLANES + COLOR_CHANNELS) * STRIP;
      if (albedo !== undefined) copyRow(albedo, 0, COLOR_CHANNELS, row, area, guides, to, STRIP);
    }
    output.fill(0, 0, area.height * (4 + light.channels) * STRIP);
  }

  #join(frame: NoisyFrame, features: JointFeatures, area: Tile): void {
    const { queries, motion, places, rests, bounds } = this.#reserved();
    const { contextChannels, kernelSize } = this.#logits;
    const { kernel, changes } = features;
    const [, planes, rows, columns] = kernel.shape;
    for (let y = 0; y < area.height; y++) {
      const row = area.y + y - features.area.y;
      const cell = (2 * (row % 2) * rows + (row >> 1)) * columns + (area.x - features.area.x) / 2;
      this.#call.unpackQueries(
        kernel.data.byteOffset + 4 * cell,
        changes.data.byteOffset + 4 * (frame.slot * planes * rows * columns + cell),
        ...([4 * rows * columns, contextChannels] as const),
        queries.byteOffset + 4 * y * (contextChannels + 2) * STRIP,
      );
      for (let c = 0; c < 2; c++) {
        const to = (c * area.height + y) * STRIP;
        if (frame.motion === undefined) motion.fill(0, to, to + STRIP);
        else copyRow(frame.motion, c, 1, area.y + y, area, motion, to, STRIP);
      }
    }
    const { width, height } = frame.light;
    this.#call.findPlaces(
      ...([area.height, area.width, area.x, area.y, width, height] as const),
      ...([motion.byteOffset, places.byteOffset, rests.byteOffset] as const),
    );
    const placesOf = (part: Tile): Tile | undefined => {
      this.#call.placeBounds(
        ...([area.height, part.y, part.y + part.height, part.x, part.x + part.width] as const),
        ...([places.byteOffset, bounds.byteOffset] as const),
      );
      return tileOfBounds(bounds);
    };
    const most = REGION_WIDTH - Math.max(kernelSize, this.#rowTaps) + 1;
    eachPart(area, most, placesOf, (part, region) => this.#joinPart(frame, area, part, region));
  }

  /** Joins a part of a strip whose places in the frame are within bounds that fit the memory. */
  #joinPart(frame: NoisyFrame, area: Tile, part: Tile, places: Tile): void {
    const memory = this.#reserved();
    const { region, offsets } = memory;
    const { kernelSize, contextChannels, embeddingChannels } = this.#logits;
    const lights = frame.light.channels;
    const regionRow = (embeddingChannels + 3 + lights) * REGION_WIDTH;
    const radius = kernelSize >> 1;
    const columns = { x: places.x - radius, width: places.width + this.#rowTaps - 1 };
    for (let y = 0; y < places.height + kernelSize - 1; y++) {
      const row = Math.min(Math.max(places.y + y - radius, 0), frame.light.height - 1);
      const to = y * regionRow;
      const albedo = to + embeddingChannels * REGION_WIDTH;
      const light = albedo + COLOR_CHANNELS * REGION_WIDTH;
      copyRow(frame.embedding, 0, embeddingChannels, row, columns, region, to, REGION_WIDTH);
      if (frame.albedo === undefined) region.fill(0, albedo, light);
      else copyRow(frame.albedo, 0, COLOR_CHANNELS, row, columns, region, albedo, REGION_WIDTH);
      copyRow(frame.light, 0, lights, row, columns, region, light, REGION_WIDTH);
    }
    this.#call.placeOffsets(
      ...([area.height, part.y, part.y + part.height, part.x, part.x + part.width] as const),
      ...([places.x, places.y, 4 * regionRow, memory.places.byteOffset, offsets.byteOffset] as const),
    );
    this.#call.join(
      ...([part.height, part.x, part.x + part.width, kernelSize, this.#rowTaps] as const),
      ...([contextChannels, embeddingChannels, lights, memory.taps.byteOffset] as const),
      memory.queries.byteOffset + 4 * part.y * (contextChannels + 2) * STRIP,
      memory.centers.byteOffset + 4 * part.y * embeddingChannels * STRIP,
      ...([region.byteOffset, offsets.byteOffset + 4 * part.y * STRIP] as const),
      memory.output.byteOffset + 4 * part.y * (4 + lights) * STRIP,
      ...([memory.weights.byteOffset, memory.values.byteOffset] as const),
    );
  }

  #end({ frames: [center], gate, colors }: JointTask, area: Tile, target: Raster): void {
    const { output, gates, guides } = this.#reserved();
    const lights = center.light.channels;
    this.#call.divide(area.height, area.width, lights, output.byteOffset);
    if (gate !== undefined) {
      for (let y = 0; y < area.height; y++) copyRow(gate, 0, 1, area.y + y, area, gates, y * STRIP, STRIP);
      for (const first of colors) {
        this.#call.remodulate(
          ...([area.height, area.width, lights, first] as const),
          ...([gates.byteOffset, guides.byteOffset, output.byteOffset] as const),
        );
      }
    }
    for (let c = 0; c < lights; c++) this.#copyOut(target, c, 3 + c, lights, area);
  }

  /** Copies a plane of the output to a channel of a raster. */
  #copyOut(to: Raster, channel: number, from: number, lights: number, area: Tile): void {
    const { output } = this.#reserved();
    const values = plane(to, channel);
    for (let y = 0; y < area.height; y++) {
      const begin = (y * (4 + lights) + from) * STRIP;
      values.set(output.subarray(begin, begin + area.width), (area.y + y) * to.width + area.x);
    }
  }
}

/** Arrays in WebAssembly memory for strips. */
function allocate(
  build: WasmBuild,
  { contextChannels, embeddingChannels }: KernelLogits,
  { cells, slots, lights, taps: tapCount }: Readonly<Record<'cells' | 'slots' | 'lights' | 'taps', number>>,
) {
  const pixels = STRIP_ROWS * STRIP;
  const weights = tapCount / (contextChannels + 1);
  const [kernel, changes, queries, centers, guides, output, region, motion, places, rests, offsets, ...rest] =
    build.allocate(
      // A row of cells is read whole, whether it is part of the area or not.
      cells + STRIP,
      slots * cells + STRIP,
      (contextChannels + 2) * pixels,
      embeddingChannels * pixels,
      GUIDE_PLANES * pixels,
      (4 + lights) * pixels,
      REGION_WIDTH * (embeddingChannels + 3 + lights) * REGION_WIDTH,
      2 * pixels,
      2 * pixels,
      2 * pixels,
      pixels,
      tapCount,
      weights,
      LANES * (contextChannels + 2 + embeddingChannels),
      pixels,
      4,
    );
  const [taps, tapWeights, values, gates, bounds] = rest;
  return {
    ...{
      kernel,
      changes,
      queries,
      centers,
      guides,
      output,
      region,
      motion,
      places,
      rests,
      offsets,
      taps,
      gates,
    },
    ...{
      weights: tapWeights,
      values,
      bounds: new Int32Array(bounds.buffer, bounds.byteOffset, bounds.length),
    },
  };
}

type Memory = ReturnType<typeof allocate>;
