import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from './raster.js';

/** Pixels of a side of a patch, and from patch to patch. */
const PATCH = 8;
const STRIDE = 4;
const ITERATIONS = 12;
/** Steps shorter than this, in pixels, change nothing. */
const LEAST_STEP = 0.02;
/** Part of the mean gradient that damps steps along which a patch has no texture. */
const DAMPING = 0.02;
/** Patches around one that have a say in its offset. */
const MEDIAN_RADIUS = 2;
/** The coarsest level has at least this many pixels on its shorter side. */
const COARSEST = 12;
/** Pixels of the finest level that is matched; its flow is magnified to the full size. */
const MOST_PIXELS = 2 ** 20;

/**
 * Dense optical flow by inverse search on patches from coarse to fine (Kroeger et al. 2016, "Fast optical flow using dense
 * inverse search", without its variational refinement): the content of pixel p of `from` is at p + flow(p) in `to`.
 *
 * Each patch of 8 x 8 pixels starts at the best of the coarser level's flow, that of its neighbors and none, and is moved by
 * Gauss-Newton steps that lower the sum of squared differences over all channels; flow between patches is their mean, weighted
 * by how well they match. Where there is no texture, the coarser level decides.
 * @param mostPixels of the finest level that is matched: a coarser one withstands more noise.
 * @returns offsets in pixels, x right and y down, 2 channels, finite.
 * @throws QuietframeError `mismatched-frames` when sizes or channels differ.
 */
export function opticalFlow(from: Raster, to: Raster, mostPixels = MOST_PIXELS): Raster {
  const size = ({ width, height, channels }: Raster): string => `${width} x ${height} x ${channels}`;
  if (size(from) !== size(to)) {
    const message = expected(size(from), 'the second picture of an optical flow', size(to));
    throw new QuietframeError('mismatched-frames', message);
  }
  const pyramid = [[from, to] as const];
  for (let [a, b] = [from, to]; Math.min(a.width, a.height) >= 2 * COARSEST; ) {
    [a, b] = [halved(a), halved(b)];
    pyramid.push([a, b]);
  }
  const finest = Math.min(
    pyramid.length - 1,
    pyramid.findIndex(([{ width, height }]) => width * height <= mostPixels),
  );
  let flow: Raster | undefined;
  for (let level = pyramid.length - 1; level >= 0; level--) {
    const [a, b] = pyramid[level] as readonly [Raster, Raster];
    const start: Raster =
      flow === undefined ? raster(a.width, a.height, 2) : magnified(flow, a.width, a.height);
    flow = level < finest ? start : refine(a, b, start);
  }
  return flow as Raster;
}

/** 2 x 2 means; an odd border repeats. */
function halved(image: Raster): Raster {
  const { width, height } = image;
  const result = raster(Math.ceil(width / 2), Math.ceil(height / 2), image.channels);
  for (let c = 0; c < image.channels; c++) {
    const [fine, coarse] = [plane(image, c), plane(result, c)];
    for (let y = 0, i = 0; y < result.height; y++) {
      const top = 2 * y * width;
      const bottom = Math.min(2 * y + 1, height - 1) * width;
      for (let x = 0; x < result.width; x++, i++) {
        const [left, right] = [2 * x, Math.min(2 * x + 1, width - 1)];
        coarse[i] =
          ((fine[top + left] as number) +
            (fine[top + right] as number) +
            (fine[bottom + left] as number) +
            (fine[bottom + right] as number)) /
          4;
      }
    }
  }
  return result;
}

/** The flow of the next coarser level at a level of this size, bilinearly. */
function magnified(flow: Raster, width: number, height: number): Raster {
  const result = raster(width, height, 2);
  for (let c = 0; c < 2; c++) {
    const [coarse, fine] = [plane(flow, c), plane(result, c)];
    for (let y = 0, i = 0; y < height; y++) {
      for (let x = 0; x < width; x++, i++) {
        fine[i] = 2 * sample(coarse, flow.width, flow.height, (x - 0.5) / 2, (y - 0.5) / 2);
      }
    }
  }
  return result;
}

/** Bilinear, with the border repeated. */
function sample(values: Float32Array, width: number, height: number, x: number, y: number): number {
  const atX = x < 0 ? 0 : x > width - 1 ? width - 1 : x;
  const atY = y < 0 ? 0 : y > height - 1 ? height - 1 : y;
  const x0 = atX | 0;
  const y0 = atY | 0;
  const fx = atX - x0;
  const fy = atY - y0;
  const at = y0 * width + x0;
  const right = x0 + 1 < width ? 1 : 0;
  const down = y0 + 1 < height ? width : 0;
  const top = (1 - fx) * (values[at] as number) + fx * (values[at + right] as number);
  const bottom = (1 - fx) * (values[at + down] as number) + fx * (values[at + down + right] as number);
  return (1 - fy) * top + fy * bottom;
}

/** Matches the patches of a level. */
function refine(from: Raster, to: Raster, start: Raster): Raster {
  const matcher = new PatchMatcher(from, to);
  const columns = Math.ceil(from.width / STRIDE);
  const rows = Math.ceil(from.height / STRIDE);
  const [startX, startY] = [plane(start, 0), plane(start, 1)];
  const patches = new Float32Array(2 * columns * rows);
  for (let row = 0, patch = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, patch++) {
      const [x, y] = [column * STRIDE, row * STRIDE];
      const center =
        Math.min(from.height - 1, y + STRIDE / 2) * from.width + Math.min(from.width - 1, x + STRIDE / 2);
      matcher.place(x - (PATCH - STRIDE) / 2, y - (PATCH - STRIDE) / 2);
      matcher.consider(startX[center] as number, startY[center] as number);
      if (column > 0) matcher.consider(patches[2 * patch - 2] as number, patches[2 * patch - 1] as number);
      if (row > 0) {
        const above = 2 * (patch - columns);
        matcher.consider(patches[above] as number, patches[above + 1] as number);
      }
      matcher.consider(0, 0);
      matcher.descend();
      patches[2 * patch] = matcher.x;
      patches[2 * patch + 1] = matcher.y;
    }
  }
  return blend(medians(patches, columns, rows), columns, from, to);
}

/** Each offset replaced by the medians of x and y around it: a patch that was misled by noise follows the others. */
function medians(patches: Float32Array, columns: number, rows: number): Float32Array {
  const result = new Float32Array(patches.length);
  const around = new Float32Array((2 * MEDIAN_RADIUS + 1) ** 2);
  for (let i = 0; i < patches.length; i++) {
    const [column, row] = [(i >> 1) % columns, Math.floor((i >> 1) / columns)];
    let count = 0;
    for (let y = Math.max(0, row - MEDIAN_RADIUS); y <= Math.min(rows - 1, row + MEDIAN_RADIUS); y++) {
      for (
        let x = Math.max(0, column - MEDIAN_RADIUS);
        x <= Math.min(columns - 1, column + MEDIAN_RADIUS);
        x++
      ) {
        around[count++] = patches[2 * (y * columns + x) + (i & 1)] as number;
      }
    }
    result[i] = around.subarray(0, count).sort()[count >> 1] as number;
  }
  return result;
}

/** The flow of every pixel: the mean of the patches that cover it, by how well each matches there. */
function blend(patches: Float32Array, columns: number, from: Raster, to: Raster): Raster {
  const { width, height, channels } = from;
  const pixels = width * height;
  const flow = raster(width, height, 2);
  const weights = new Float32Array(pixels);
  const [flowX, flowY] = [plane(flow, 0), plane(flow, 1)];
  const border = (PATCH - STRIDE) / 2;
  for (let patch = 0; patch < patches.length / 2; patch++) {
    const [left, top] = [(patch % columns) * STRIDE - border, Math.floor(patch / columns) * STRIDE - border];
    const [u, v] = [patches[2 * patch] as number, patches[2 * patch + 1] as number];
    for (let y = Math.max(0, top); y < Math.min(height, top + PATCH); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, left + PATCH); x++) {
        const i = y * width + x;
        let difference = 1e-3;
        for (let c = 0; c < channels; c++) {
          const there = sample(plane(to, c), width, height, x + u, y + v);
          difference += Math.abs((from.data[c * pixels + i] as number) - there);
        }
        const weight = 1 / difference;
        weights[i] = (weights[i] as number) + weight;
        flowX[i] = (flowX[i] as number) + weight * u;
        flowY[i] = (flowY[i] as number) + weight * v;
      }
    }
  }
  for (let i = 0; i < pixels; i++) {
    flowX[i] = (flowX[i] as number) / (weights[i] as number);
    flowY[i] = (flowY[i] as number) / (weights[i] as number);
  }
  return flow;
}

/** Finds where one patch of `from` is in `to`. */
class PatchMatcher {
  /** The best offset so far. */
  x = 0;
  y = 0;
  readonly #from: Raster;
  readonly #to: Raster;
  readonly #fromPlanes: readonly Float32Array[];
  readonly #toPlanes: readonly Float32Array[];
  readonly #values: Float32Array;
  readonly #gradientX: Float32Array;
  readonly #gradientY: Float32Array;
  #left = 0;
  #top = 0;
  #error = Number.POSITIVE_INFINITY;

  constructor(from: Raster, to: Raster) {
    this.#from = from;
    this.#to = to;
    this.#fromPlanes = Array.from({ length: from.channels }, (_, c) => plane(from, c));
    this.#toPlanes = Array.from({ length: to.channels }, (_, c) => plane(to, c));
    const size = PATCH * PATCH * from.channels;
    this.#values = new Float32Array(size);
    this.#gradientX = new Float32Array(size);
    this.#gradientY = new Float32Array(size);
  }

  /** Takes the patch whose upper left pixel is this one; the border of the picture repeats. */
  place(left: number, top: number): void {
    const { width, height } = this.#from;
    this.#left = left;
    this.#top = top;
    this.#error = Number.POSITIVE_INFINITY;
    let i = 0;
    for (const values of this.#fromPlanes) {
      for (let y = top; y < top + PATCH; y++) {
        const row = clamp(y, height) * width;
        const above = clamp(y - 1, height) * width;
        const below = clamp(y + 1, height) * width;
        for (let x = left; x < left + PATCH; x++, i++) {
          const column = clamp(x, width);
          this.#values[i] = values[row + column] as number;
          const [before, after] = [clamp(x - 1, width), clamp(x + 1, width)];
          this.#gradientX[i] = ((values[row + after] as number) - (values[row + before] as number)) / 2;
          this.#gradientY[i] = ((values[below + column] as number) - (values[above + column] as number)) / 2;
        }
      }
    }
  }

  /** Takes an offset if it is better than the best. */
  consider(x: number, y: number): void {
    if (this.#error < Number.POSITIVE_INFINITY && x === this.x && y === this.y) return;
    const { error } = this.#compare(x, y);
    if (!(error < this.#error)) return;
    [this.x, this.y, this.#error] = [x, y, error];
  }

  /** Moves downhill from the best offset, by no more than the size of a patch. */
  descend(): void {
    let [xx, xy, yy] = [0, 0, 0];
    for (let i = 0; i < this.#values.length; i++) {
      const [gx, gy] = [this.#gradientX[i] as number, this.#gradientY[i] as number];
      xx += gx * gx;
      xy += gx * gy;
      yy += gy * gy;
    }
    const damping = DAMPING * (xx + yy) + 1e-9;
    const determinant = (xx + damping) * (yy + damping) - xy * xy;
    const [startX, startY] = [this.x, this.y];
    let { slopeX, slopeY } = this.#compare(startX, startY);
    for (let step = 0; step < ITERATIONS; step++) {
      const moveX = ((yy + damping) * slopeX - xy * slopeY) / determinant;
      const moveY = ((xx + damping) * slopeY - xy * slopeX) / determinant;
      const [x, y] = [this.x - moveX, this.y - moveY];
      if (Math.abs(x - startX) > PATCH || Math.abs(y - startY) > PATCH) return;
      const next = this.#compare(x, y);
      if (!(next.error < this.#error)) return;
      ({ slopeX, slopeY } = next);
      [this.x, this.y, this.#error] = [x, y, next.error];
      if (moveX * moveX + moveY * moveY < LEAST_STEP * LEAST_STEP) return;
    }
  }

  /** Sum of squared differences at an offset, and its products with the patch's gradients. */
  #compare(offsetX: number, offsetY: number): { error: number; slopeX: number; slopeY: number } {
    const { width, height } = this.#to;
    let [error, slopeX, slopeY] = [0, 0, 0];
    let i = 0;
    for (const values of this.#toPlanes) {
      for (let y = 0; y < PATCH; y++) {
        for (let x = 0; x < PATCH; x++, i++) {
          const there = sample(values, width, height, this.#left + x + offsetX, this.#top + y + offsetY);
          const difference = there - (this.#values[i] as number);
          error += difference * difference;
          slopeX += difference * (this.#gradientX[i] as number);
          slopeY += difference * (this.#gradientY[i] as number);
        }
      }
    }
    return { error, slopeX, slopeY };
  }
}

function clamp(index: number, size: number): number {
  return index < 0 ? 0 : index < size ? index : size - 1;
}
