import { type Raster, raster } from '../image/raster.js';
import type { Frame } from './frame.js';

/** Parts of a row whose means are compared: noise averages out. */
const SEGMENTS = 16;
/** The step over the border is at most this many times the median step between columns. */
const MOST_STEP = 1.5;
/** Step of albedo and normals that does not matter: most of their columns are alike. */
const GUIDE_STEP = 0.02;
/** The border column varies at least this much of what the most varied one does. */
const BORDER_VARIATION = 0.2;
/** Rows at the poles vary at most this much of what the median row does: they show one direction each. */
const POLE_VARIATION = 0.5;

/** Shares of the width: how far inside the columns are that borders are compared with. */
const INSIDE = [1 / 8, 1 / 4];
/** They differ this many times more than the borders do. */
const DISTINCTION = 3;
/** Columns whose means are compared. */
const BAND = 4;

/**
 * `yes` where a frame looks like a whole latitude-longitude panorama: twice as wide as high, the left border continues at the
 * right one, in all layers, and both poles hardly vary along their row. `maybe` where the borders match, but would in other
 * pictures, too: the same backdrop at both sides, a symmetric room.
 */
export function looksLikePanorama({ color, albedo, normal }: Frame): 'yes' | 'maybe' | 'no' {
  if (color.width !== 2 * color.height || color.height < SEGMENTS) return 'no';
  const light = brightness(color);
  const guides = [albedo, normal].flatMap((layer) => layer ?? []);
  if (!isContinuous(light) || !guides.every((guide) => isContinuous(guide, GUIDE_STEP))) return 'no';
  if (!hasVariedBorder(light)) return 'no';
  return hasPoles(light) && hasDistinctBorder(light) ? 'yes' : 'maybe';
}

/**
 * Borders that match tell nothing where the columns beside them match as well (a backdrop), or those that lie as far in from
 * both sides, at all depths (a symmetric picture).
 */
function hasDistinctBorder(light: Raster): boolean {
  const { width } = light;
  const pairs = [0, ...INSIDE].map((share): readonly [number[], number[]] => {
    const x = Math.floor(width * share);
    return [bandMeans(light, x), bandMeans(light, width - BAND - x)];
  });
  const [[left, right], [fromLeft, fromRight]] = pairs as [(typeof pairs)[0], (typeof pairs)[0]];
  const asymmetry = Math.max(...pairs.slice(1).map(([a, b]) => distance(a, b)));
  const least = DISTINCTION * distance(left, right);
  return Math.min(distance(left, fromLeft), distance(right, fromRight), asymmetry) > least;
}

/** Means of the segments of a few columns from x on. */
function bandMeans({ width, height, data }: Raster, x: number): number[] {
  const columns = Array.from({ length: BAND }, (_, c) => segmentMeans(data, x + c, height, width));
  return Array.from(
    { length: SEGMENTS },
    (_, s) => columns.reduce((sum, means) => sum + (means[s] as number), 0) / BAND,
  );
}

function distance(a: readonly number[], b: readonly number[]): number {
  return Math.hypot(...a.map((value, i) => value - (b[i] as number)));
}

/** Logarithm of the mean over channels. */
function brightness({ width, height, data }: Raster): Raster {
  const plane = width * height;
  const result = raster(width, height, 1);
  for (let i = 0; i < plane; i++) {
    const sum = (data[i] as number) + (data[i + plane] as number) + (data[i + 2 * plane] as number);
    result.data[i] = Math.log(Math.max(sum / 3, 0) + 1e-3);
  }
  return result;
}

function isContinuous({ width, data }: Raster, tolerance = 0): boolean {
  const steps = new Float64Array(width);
  for (let i = 0; i < data.length; i++) {
    const x = i % width;
    const next = x === width - 1 ? i - x : i + 1;
    steps[x] = (steps[x] as number) + Math.abs((data[i] as number) - (data[next] as number));
  }
  const border = steps[width - 1] as number;
  return border <= MOST_STEP * median([...steps]) + (tolerance * data.length) / width;
}

function hasPoles(light: Raster): boolean {
  const variations = Array.from({ length: light.height }, (_, y) =>
    variation(light.data, y * light.width, light.width, 1),
  );
  const typical = median(variations);
  const poles = [variations[0], variations.at(-1)] as [number, number];
  return typical > 0 && Math.max(...poles) < POLE_VARIATION * typical;
}

/** Borders that match because there is nothing but a backdrop tell nothing. */
function hasVariedBorder({ width, height, data }: Raster): boolean {
  const variations = Array.from({ length: width }, (_, x) => variation(data, x, height, width));
  return (variations[0] as number) > BORDER_VARIATION * Math.max(...variations);
}

/** Standard deviation of the means of the segments of a row or column. */
function variation(data: Float32Array, first: number, length: number, step: number): number {
  const means = segmentMeans(data, first, length, step);
  const mean = means.reduce((sum, value) => sum + value, 0) / SEGMENTS;
  return Math.sqrt(means.reduce((sum, value) => sum + (value - mean) ** 2, 0) / SEGMENTS);
}

function segmentMeans(data: Float32Array, first: number, length: number, step: number): number[] {
  return Array.from({ length: SEGMENTS }, (_, s) => {
    const [from, to] = [s, s + 1].map((at) => Math.floor((at * length) / SEGMENTS)) as [number, number];
    let sum = 0;
    for (let at = from; at < to; at++) sum += data[first + at * step] as number;
    return sum / (to - from);
  });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
}
