import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';
import { fillInProportion, type Limit, limitAt } from './water-filling.js';

export interface AllocationOptions {
  /** Mean samples of a pixel; the total is this times the number of pixels, rounded. */
  readonly budgetSpp: number;
  /** Least and most samples of a pixel, whole. */
  readonly minSpp: number;
  readonly maxSpp: number;
  /** Least and most samples of every pixel, row by row, within `minSpp` and `maxSpp`. */
  readonly minSamples?: Uint32Array;
  readonly maxSamples?: Uint32Array;
  /** Side of the squares of pixels that get the same share, for renderers that sample by tile; 1 for every pixel its own. */
  readonly tile: number;
}

/** Most samples that a pixel can be given; budgets are within it. */
export const MAX_SPP = 1_000_000;
export const ALLOCATION_DEFAULTS = { minSpp: 0, maxSpp: MAX_SPP, tile: 1 } as const satisfies Omit<
  AllocationOptions,
  'budgetSpp'
>;

/** Samples of all pixels together. */
export function totalSamples(budgetSpp: number, pixels: number): number {
  return Math.round(budgetSpp * pixels);
}

/**
 * Checks what can be checked without a picture.
 * @throws QuietframeError `invalid-argument`, naming the parameter as requests do.
 */
export function checkAllocation({ budgetSpp, minSpp, maxSpp, tile }: AllocationOptions): void {
  const check = (holds: boolean, range: string, parameter: string, received: number): void => {
    if (holds) return;
    throw new QuietframeError('invalid-argument', expected(range, parameter, received), { parameter });
  };
  const isWhole = (value: number, least: number, most: number): boolean =>
    Number.isInteger(value) && value >= least && value <= most;
  check(isWhole(minSpp, 0, MAX_SPP), `a whole number in [0, ${MAX_SPP}]`, 'min', minSpp);
  check(
    isWhole(maxSpp, Math.max(minSpp, 1), MAX_SPP),
    `a whole number in [${Math.max(minSpp, 1)}, ${MAX_SPP}]`,
    'max',
    maxSpp,
  );
  check(isWhole(tile, 1, 4096), 'a whole number in [1, 4096]', 'tile', tile);
  check(
    budgetSpp >= minSpp && budgetSpp <= maxSpp,
    `a number in [${minSpp}, ${maxSpp}], between min and max`,
    'budget',
    budgetSpp,
  );
}

/**
 * Checks limits of every pixel against each other, and a budget against their sums.
 * @throws QuietframeError `invalid-argument`, `mismatched-frames` for limits of another number of pixels.
 */
function limitsOf(options: AllocationOptions, { width, height }: Raster): [Limit, Limit] {
  const { minSpp, maxSpp, minSamples, maxSamples } = options;
  if (minSamples === undefined && maxSamples === undefined) return [minSpp, maxSpp];
  const pixels = width * height;
  for (const [parameter, limits] of Object.entries({ 'min-layer': minSamples, 'max-layer': maxSamples })) {
    if (limits === undefined || limits.length === pixels) continue;
    const message = expected(`${pixels} pixels`, `the samples of ${parameter}`, limits.length);
    throw new QuietframeError('mismatched-frames', message, { parameter });
  }
  const min = Uint32Array.from({ length: pixels }, (_, i) => Math.max(minSpp, minSamples?.[i] ?? 0));
  const max = Uint32Array.from({ length: pixels }, (_, i) => Math.min(maxSpp, maxSamples?.[i] ?? maxSpp));
  const crossed = min.findIndex((least, i) => least > (max[i] as number));
  if (crossed >= 0) {
    const place = `the most samples of pixel (${crossed % width}, ${Math.floor(crossed / width)})`;
    const message = expected(`at least its minimum of ${min[crossed]}`, place, max[crossed]);
    throw new QuietframeError('invalid-argument', message, {
      parameter: maxSamples === undefined ? 'min-layer' : 'max-layer',
    });
  }
  const sum = (limits: Uint32Array): number => limits.reduce((total, limit) => total + limit, 0);
  const total = totalSamples(options.budgetSpp, pixels);
  if (total < sum(min) || total > sum(max)) {
    const range = `${sum(min)} to ${sum(max)} samples, as the limits of the pixels allow,`;
    throw new QuietframeError('invalid-argument', expected(range, 'budget x pixels', total), {
      parameter: 'budget',
    });
  }
  return [min, max];
}

/**
 * Whole samples for every pixel, in proportion to the density, none below its minimum or above its maximum; their sum is
 * {@link totalSamples} exactly. Fractions are rounded by largest remainder, of equal ones those further up and left first:
 * the same density gives the same samples on every machine. With tiles, the samples of each are the mean over its pixels
 * and those left over are spread evenly, within the limits of the pixels.
 * @param density one channel, finite and not negative.
 * @throws QuietframeError `invalid-argument` as {@link checkAllocation}, for a density of another kind, for limits that cross
 * and for a budget beyond their sums; `mismatched-frames` for limits of another size.
 */
export function allocateSamples(density: Raster, options: AllocationOptions): Uint32Array {
  checkAllocation(options);
  const { minSpp, maxSpp, tile } = options;
  const { width, height, channels, data } = density;
  if (channels !== 1 || data.some((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY))) {
    const message = expected('one channel of finite numbers of at least 0', 'the density', 'something else');
    throw new QuietframeError('invalid-argument', message, { parameter: 'density' });
  }
  // Rounding half up must not pass the limits of all pixels together.
  const pixels = width * height;
  const total = Math.min(Math.max(totalSamples(options.budgetSpp, pixels), minSpp * pixels), maxSpp * pixels);
  const [min, max] = limitsOf(options, density);
  const weights = tile === 1 ? data : meanOfTiles(density, tile);
  const shares = fillInProportion(weights, total, min, max);
  return tile === 1
    ? roundToTotal(shares, total, min, max)
    : spreadTiles(density, tile, shares, total, min, max);
}

/** Rounds shares to whole numbers of the same sum: all down, then up where the remainders are largest, within the limits. */
function roundToTotal(shares: Float64Array, total: number, min: Limit, max: Limit): Uint32Array {
  const counts = Uint32Array.from(shares, (share, i) => Math.max(Math.floor(share), limitAt(min, i)));
  let left = total - counts.reduce((sum, count) => sum + count, 0);
  const remainders = shares.map((share, i) =>
    (counts[i] as number) < limitAt(max, i) ? share - (counts[i] as number) : -1,
  );
  // Shares carry errors of float64, so that one pass over the remainders may leave a sample or be one too many.
  while (left > 0) {
    const threshold = remainders.slice().sort()[Math.max(0, remainders.length - left)] as number;
    let above = remainders.reduce((count, remainder) => count + (remainder > threshold ? 1 : 0), 0);
    above = left - above;
    for (let i = 0; i < counts.length && left > 0; i++) {
      const remainder = remainders[i] as number;
      if (remainder < threshold || remainder === -1) continue;
      if (remainder === threshold && above-- <= 0) continue;
      counts[i] = (counts[i] as number) + 1;
      remainders[i] = (counts[i] as number) < limitAt(max, i) ? 0 : -1;
      left--;
    }
  }
  for (let i = counts.length - 1; left < 0; i--) {
    if ((counts[i] as number) <= limitAt(min, i)) continue;
    counts[i] = (counts[i] as number) - 1;
    left++;
  }
  return counts;
}

/** Squares of pixels in rows, smaller ones at the right and bottom border. */
function* squares(width: number, height: number, side: number): Generator<readonly number[]> {
  for (let top = 0; top < height; top += side) {
    for (let left = 0; left < width; left += side) {
      const pixels: number[] = [];
      for (let y = top; y < Math.min(top + side, height); y++) {
        for (let x = left; x < Math.min(left + side, width); x++) pixels.push(y * width + x);
      }
      yield pixels;
    }
  }
}

function meanOfTiles({ width, height, data }: Raster, side: number): Float32Array {
  const means = new Float32Array(data.length);
  for (const pixels of squares(width, height, side)) {
    const mean = pixels.reduce((sum, i) => sum + (data[i] as number), 0) / pixels.length;
    for (const i of pixels) means[i] = mean;
  }
  return means;
}

function spreadTiles(
  { width, height }: Raster,
  side: number,
  shares: Float64Array,
  total: number,
  min: Limit,
  max: Limit,
): Uint32Array {
  const tiles = [...squares(width, height, side)];
  const sum = (pixels: readonly number[], of: Limit): number =>
    pixels.reduce((all, i) => all + limitAt(of, i), 0);
  const sums = (of: Limit): Float64Array => Float64Array.from(tiles, (pixels) => sum(pixels, of));
  const counts = roundToTotal(sums(shares), total, sums(min), sums(max));
  const result = new Uint32Array(width * height);
  const isUniform = typeof min === 'number' && typeof max === 'number';
  for (const [t, pixels] of tiles.entries()) {
    const spread = isUniform ? evenly : evenlyWithin;
    const within = spread(counts[t] as number, pixels, min, max);
    for (const [k, i] of pixels.entries()) result[i] = within[k] as number;
  }
  return result;
}

/** A count in as equal whole parts as can be, the larger ones scattered. */
function evenly(count: number, { length }: readonly number[]): Uint32Array {
  const upTo = (k: number): number => Math.floor((k * count) / length);
  return Uint32Array.from({ length }, (_, k) => upTo(k + 1) - upTo(k));
}

/** A count in as equal whole parts as the limits of the pixels allow. */
function evenlyWithin(count: number, pixels: readonly number[], min: Limit, max: Limit): Uint32Array {
  const [least, most] = [min, max].map((limit) => Float64Array.from(pixels, (i) => limitAt(limit, i)));
  const weights = new Float32Array(pixels.length).fill(1);
  const [low, high] = [least as Float64Array, most as Float64Array];
  return roundToTotal(fillInProportion(weights, count, low, high), count, low, high);
}
