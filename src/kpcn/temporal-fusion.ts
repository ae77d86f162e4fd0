import type { Tensor } from '../engine/engine.js';
import { NETWORK_CONSTANTS, type NetworkConstants } from '../engine/model-manifest.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { plane, type Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { COLOR_CHANNELS } from './frame-pyramid.js';
import { copyRow, eachPart, LANES, tileOfBounds, toShares } from './fusion-rows.js';
import type { JoinedFrame, JoinTask } from './fusion-task.js';

/** Layout of `assembly/neighbor-join.ts`. */
const STRIP = 224;
const STRIP_ROWS = 16;
const REGION_WIDTH = 256;
const GUIDE_PLANES = 6;
const KERNEL_PLANES = 4;

type Memory = Readonly<
  Record<
    | 'kernels'
    | 'centers'
    | 'output'
    | 'region'
    | 'motion'
    | 'places'
    | 'rests'
    | 'offsets'
    | 'taps'
    | 'weights'
    | 'gates'
    | 'cells',
    Float32Array
  >
> & { readonly bounds: Int32Array };

/**
 * Joins the frames of a window (Vogels et al. 2018, figure 3), each filtered by its own kernels before: predicted kernels are
 * repositioned along motion in the other frames, and one softmax weighs the taps of all. Not for use by two threads.
 */
export class TemporalFusion {
  readonly #build: WasmBuild;
  readonly #kernelSize: number;
  readonly #slots: number;
  readonly #call: Readonly<
    Record<
      | 'logarithms'
      | 'unpackKernels'
      | 'findPlaces'
      | 'placeBounds'
      | 'placeOffsets'
      | 'join'
      | 'divide'
      | 'remodulate',
      (...parameters: readonly number[]) => void
    >
  >;
  #memory: Memory | undefined;

  /**
   * @param kernelSize side of the kernels in the other frames, odd.
   * @param simd the build to run; by default the fastest that this process can run.
   */
  constructor(
    { kernelSize, slots }: { readonly kernelSize: number; readonly slots: number },
    simd?: Simd,
    constants: NetworkConstants = NETWORK_CONSTANTS,
  ) {
    this.#kernelSize = kernelSize;
    this.#slots = slots;
    this.#build = new WasmBuild('neighbor-join', simd);
    this.#build.setConstants(constants);
    const call = (name: string) => this.#build.function(name);
    this.#call = {
      logarithms: call('logarithms'),
      unpackKernels: call('unpackKernels'),
      findPlaces: call('findPlaces'),
      placeBounds: call('placeBounds'),
      placeOffsets: call('placeOffsets'),
      join: call('join'),
      divide: call('divide'),
      remodulate: call('remodulate'),
    };
  }

  /** Memory for the kernels of an area, for the network to write, and for light of so many planes. It takes the place of the last. */
  reserve({ width, height }: Tile, lights: number): Tensor {
    const channels = 4 * KERNEL_PLANES * this.#slots;
    const [rows, columns] = [Math.ceil(height / 2), Math.ceil(width / 2)];
    const length = channels * rows * columns;
    const pixels = STRIP_ROWS * STRIP;
    const regionRow = (GUIDE_PLANES + lights) * REGION_WIDTH;
    const [
      cells,
      kernels,
      centers,
      output,
      region,
      motion,
      places,
      rests,
      offsets,
      taps,
      weights,
      gates,
      bounds,
    ] = this.#build.allocate(
      // A row of cells is read whole, whether it is part of the area or not.
      length + STRIP,
      KERNEL_PLANES * pixels,
      GUIDE_PLANES * pixels,
      (4 + lights) * pixels,
      REGION_WIDTH * regionRow,
      2 * pixels,
      2 * pixels,
      2 * pixels,
      pixels,
      this.#kernelSize * regionRow,
      LANES * this.#kernelSize ** 2,
      pixels,
      4,
    );
    this.#memory = {
      ...{ cells, kernels, centers, output, region, motion, places, rests, offsets, taps, weights, gates },
      bounds: new Int32Array(bounds.buffer, bounds.byteOffset, bounds.length),
    };
    return { data: cells.subarray(0, length), shape: [1, channels, rows, columns] };
  }

  /** Joins `tile` of the light, at even coordinates, into the target. The kernels are the last that were reserved. */
  apply(task: JoinTask, frames: readonly JoinedFrame[], tile: Tile, target: Raster): void {
    for (let y = 0; y < tile.height; y += STRIP_ROWS) {
      for (let x = 0; x < tile.width; x += STRIP) {
        const area = {
          ...{ x: tile.x + x, y: tile.y + y },
          width: Math.min(STRIP, tile.width - x),
          height: Math.min(STRIP_ROWS, tile.height - y),
        };
        this.#begin(task, area);
        if (task.shares !== undefined) this.#storeWeights(task.shares, 0, area, task.own.channels);
        for (const [i, frame] of frames.entries()) {
          this.#join(task, frame, area);
          if (task.shares !== undefined) this.#storeWeights(task.shares, i + 1, area, task.own.channels);
        }
        if (task.shares !== undefined) toShares(task.shares, area);
        this.#end(task, area, target);
      }
    }
  }

  /** The frame itself, which counts with weight 1, and its guides. */
  #begin({ center, own, exposure }: JoinTask, area: Tile): void {
    const { centers, output } = this.#memory as Memory;
    const lights = own.channels;
    for (let y = 0; y < area.height; y++) {
      const guides = y * GUIDE_PLANES * STRIP;
      const sums = y * (4 + lights) * STRIP;
      const row = area.y + y;
      copyRow(center.light, 0, COLOR_CHANNELS, row, area, centers, guides, STRIP);
      const at = centers.byteOffset + 4 * guides;
      this.#call.logarithms(at, at, 4 * COLOR_CHANNELS * STRIP, exposure);
      const albedo = guides + COLOR_CHANNELS * STRIP;
      if (center.albedo === undefined) {
        centers.fill(0, albedo, albedo + COLOR_CHANNELS * STRIP);
        output.fill(0, sums, sums + COLOR_CHANNELS * STRIP);
      } else {
        copyRow(center.albedo, 0, COLOR_CHANNELS, row, area, centers, albedo, STRIP);
        copyRow(center.albedo, 0, COLOR_CHANNELS, row, area, output, sums, STRIP);
      }
      copyRow(own, 0, lights, row, area, output, sums + COLOR_CHANNELS * STRIP, STRIP);
      output.fill(1, sums + (3 + lights) * STRIP, sums + (4 + lights) * STRIP);
    }
  }

  #join(task: JoinTask, frame: JoinedFrame, area: Tile): void {
    const { kernels, cells, motion, places, rests, bounds } = this.#memory as Memory;
    const { area: predicted, tensor } = task.kernels;
    const [, , rows, columns] = tensor.shape;
    const cellPlane = rows * columns;
    for (let y = 0; y < area.height; y++) {
      const row = area.y + y - predicted.y;
      const channel = 4 * KERNEL_PLANES * frame.slot + 2 * (row % 2);
      const cell = channel * cellPlane + (row >> 1) * columns + (area.x - predicted.x) / 2;
      this.#call.unpackKernels(
        ...([cells.byteOffset + 4 * cell, 4 * cellPlane] as const),
        kernels.byteOffset + 4 * y * KERNEL_PLANES * STRIP,
      );
      for (let c = 0; c < 2; c++) {
        copyRow(frame.motion, c, 1, area.y + y, area, motion, (c * area.height + y) * STRIP, STRIP);
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
    eachPart(area, REGION_WIDTH - this.#kernelSize + 1, placesOf, (part, region) =>
      this.#joinPart(task, frame, area, part, region),
    );
  }

  /** Joins a part of a strip whose places in the other frame are within bounds that fit the memory. */
  #joinPart(task: JoinTask, frame: JoinedFrame, area: Tile, part: Tile, places: Tile): void {
    const memory = this.#memory as Memory;
    const { region, offsets } = memory;
    const lights = task.own.channels;
    const regionRow = (GUIDE_PLANES + lights) * REGION_WIDTH;
    const radius = this.#kernelSize >> 1;
    const columns = {
      x: places.x - radius,
      width: places.width + this.#kernelSize - 1,
    };
    for (let y = 0; y < places.height + this.#kernelSize - 1; y++) {
      const row = Math.min(Math.max(places.y + y - radius, 0), frame.light.height - 1);
      const to = y * regionRow;
      const albedo = to + COLOR_CHANNELS * REGION_WIDTH;
      const light = to + GUIDE_PLANES * REGION_WIDTH;
      copyRow(frame.light, 0, lights, row, columns, region, light, REGION_WIDTH);
      if (frame.albedo === undefined) region.fill(0, albedo, light);
      else copyRow(frame.albedo, 0, COLOR_CHANNELS, row, columns, region, albedo, REGION_WIDTH);
      this.#call.logarithms(
        ...([region.byteOffset + 4 * light, region.byteOffset + 4 * to] as const),
        ...([4 * COLOR_CHANNELS * REGION_WIDTH, task.exposure] as const),
      );
    }
    this.#call.placeOffsets(
      ...([area.height, part.y, part.y + part.height, part.x, part.x + part.width] as const),
      ...([places.x, places.y, 4 * regionRow, memory.places.byteOffset, offsets.byteOffset] as const),
    );
    this.#call.join(
      part.height,
      ...([4 * (part.x & ~(LANES - 1)), 4 * (part.x + part.width)] as const),
      ...([this.#kernelSize, lights] as const),
      memory.kernels.byteOffset + 4 * part.y * KERNEL_PLANES * STRIP,
      memory.centers.byteOffset + 4 * part.y * GUIDE_PLANES * STRIP,
      ...([memory.rests.byteOffset + 4 * part.y * STRIP, 4 * area.height * STRIP] as const),
      region.byteOffset,
      offsets.byteOffset + 4 * part.y * STRIP,
      memory.output.byteOffset + 4 * part.y * (4 + lights) * STRIP,
      memory.taps.byteOffset,
      memory.weights.byteOffset,
    );
  }

  /** The weights of the frames up to this one. */
  #storeWeights(shares: Raster, channel: number, area: Tile, lights: number): void {
    const { output } = this.#memory as Memory;
    const values = plane(shares, channel);
    for (let y = 0; y < area.height; y++) {
      const from = (y * (4 + lights) + 3 + lights) * STRIP;
      values.set(output.subarray(from, from + area.width), (area.y + y) * shares.width + area.x);
    }
  }

  #end({ own, gate, colors }: JoinTask, area: Tile, target: Raster): void {
    const { output, gates, centers } = this.#memory as Memory;
    const lights = own.channels;
    this.#call.divide(area.height, area.width, lights, output.byteOffset);
    if (gate !== undefined) {
      for (let y = 0; y < area.height; y++) copyRow(gate, 0, 1, area.y + y, area, gates, y * STRIP, STRIP);
      for (const first of colors) {
        this.#call.remodulate(
          ...([area.height, area.width, lights, first] as const),
          ...([gates.byteOffset, centers.byteOffset, output.byteOffset] as const),
        );
      }
    }
    for (let c = 0; c < lights; c++) {
      const values = plane(target, c);
      for (let y = 0; y < area.height; y++) {
        const from = (y * (4 + lights) + 3 + c) * STRIP;
        values.set(output.subarray(from, from + area.width), (area.y + y) * target.width + area.x);
      }
    }
  }
}
