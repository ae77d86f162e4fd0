import { invalidArgument } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';

/** Least and most value of a parameter. */
export type Range = readonly [number, number];

/**
 * The parameters of every filter, in the order of their channels, with the ranges that the network predicts. Multipliers
 * are signal sigmas in units of the noise's standard deviation; sigmas are in pixels, sigma1 along x, sigma2 along y.
 * Sharpness is the amount of an unsharp mask. Those of `cross-bilateral` are, for each of five passes, the inverse of a signal sigma of the logarithm of light and the weight of
 * a neighbor that is alike; inverse sigmas of albedo and normals; and how many times brighter than its neighbors a pixel
 * may be.
 */
export const PARAMETERS = {
  'non-local-means': { multiplier: [0, 4] },
  bilateral: { multiplier: [0, 4] },
  'isotropic-gaussian': { sigma: [0, 4] },
  'anisotropic-gaussian': { sigma1: [0, 4], sigma2: [0, 4], rho: [-1, 1] },
  'polynomial-deblur': { b: [-4, 4], c: [-4, 4], d: [-4, 4] },
  'rbf-upsample': { sigma1: [0, 4], sigma2: [0, 4], rho: [-1, 1], sharpness: [0, 4] },
  'cross-bilateral': {
    firefly: [1, 17],
    ...{ albedo: [0, 16], normal: [0, 8] },
    ...{ color1: [0, 8], color2: [0, 8], color3: [0, 8], color4: [0, 8], color5: [0, 8] },
    ...{
      spread1: [0, 4],
      spread2: [0, 4],
      spread3: [0, 4],
      spread4: [0, 4],
      spread5: [0, 4],
    },
  },
} as const satisfies Record<string, Record<string, Range>>;

/** A filter whose parameters are predicted. */
export type Filter = keyof typeof PARAMETERS;

/** Parameters that maps may lack, with the value that leaves the filter as it was without them; the last ones of a filter. */
export const DEFAULTS: Readonly<Record<string, number>> = { sharpness: 0 };

/**
 * The parameters of a filter for a picture at half its resolution, rounded up, one channel each. Maps can be looked at,
 * rescaled, kept, and used again for another magnification of the same picture.
 */
export interface ParameterMap {
  readonly filter: Filter;
  readonly values: Raster;
}

/** Pixels of a map along an axis of `pixels` pixels. */
export function mapSize(pixels: number): number {
  return Math.ceil(pixels / 2);
}

/**
 * A map with the same parameters everywhere.
 * @param values of all parameters of the filter by name; `sharpness` is 0 where it is not given.
 * @throws QuietframeError `invalid-argument`.
 */
export function constantMap(
  filter: Filter,
  values: Readonly<Record<string, number>>,
  width: number,
  height: number,
): ParameterMap {
  const names = Object.keys(PARAMETERS[filter]);
  const map = raster(mapSize(width), mapSize(height), names.length);
  names.forEach((name, c) => {
    plane(map, c).fill(values[name] ?? DEFAULTS[name] ?? Number.NaN);
  });
  checkMap({ filter, values: map }, filter, width, height);
  return { filter, values: map };
}

/** The map with the defaults of the parameters that it lacks; others are left to `checkMap`. */
export function completeMap({ filter, values }: ParameterMap): ParameterMap {
  const { width, height, channels, data } = values;
  const missing = Object.keys(PARAMETERS[filter]).slice(channels);
  if (missing.length === 0 || missing.some((name) => !(name in DEFAULTS))) return { filter, values };
  const complete = raster(width, height, channels + missing.length);
  complete.data.set(data);
  missing.forEach((name, i) => {
    plane(complete, channels + i).fill(DEFAULTS[name] as number);
  });
  return { filter, values: complete };
}

/**
 * Multiplies parameters, as to denoise more (multiplier or sigmas above 1) or less, limited to their ranges.
 * @param factors by name of the parameter; 1 where none is given.
 * @throws QuietframeError `invalid-argument` for an unknown parameter or a factor that is not finite.
 */
export function rescaleMap(map: ParameterMap, factors: Readonly<Record<string, number>>): ParameterMap {
  const ranges: Readonly<Record<string, Range>> = PARAMETERS[map.filter];
  for (const [name, factor] of Object.entries(factors)) {
    if (!(name in ranges))
      throw invalidArgument(`one of ${Object.keys(ranges).join(', ')}`, 'a parameter', name);
    if (!Number.isFinite(factor)) throw invalidArgument('a finite number', `the factor of ${name}`, factor);
  }
  const values = raster(map.values.width, map.values.height, map.values.channels, map.values.data.slice());
  Object.entries(ranges).forEach(([name, [low, high]], c) => {
    const factor = factors[name] ?? 1;
    const channel = plane(values, c);
    channel.forEach((value, i) => {
      channel[i] = Math.min(Math.max(value * factor, low), high);
    });
  });
  return { filter: map.filter, values };
}

/** Parameters that make a filter do less where they are larger. */
const INVERSE = /^(?:albedo|normal|color\d|firefly)$/;
/** The most that a map can be strengthened. */
export const MAX_STRENGTH = 4;

/**
 * Scales all parameters so that a filter does more (strength above 1) or less; 0 takes the least of what grows with it, which
 * is the identity but for fireflies. Inverse quantities are divided; correlations and sharpness stay.
 * @param strength in [0, 4]
 * @throws QuietframeError `invalid-argument`.
 */
export function strengthenMap(map: ParameterMap, strength: number): ParameterMap {
  if (!(strength >= 0 && strength <= MAX_STRENGTH)) {
    throw invalidArgument(`a number in [0, ${MAX_STRENGTH}]`, 'strength', strength);
  }
  if (strength === 1) return map;
  const most = Number.MAX_VALUE;
  const factors = Object.keys(PARAMETERS[map.filter]).map((name): [string, number] => {
    if (name === 'rho' || name === 'sharpness') return [name, 1];
    return [name, INVERSE.test(name) ? Math.min(1 / strength, most) : strength];
  });
  return rescaleMap(map, Object.fromEntries(factors));
}

/**
 * @throws QuietframeError `invalid-argument` when the map is for another filter or another size of picture, or a value is
 * out of its range or NaN.
 */
export function checkMap(
  { filter, values }: ParameterMap,
  wanted: Filter,
  width: number,
  height: number,
): void {
  if (filter !== wanted) throw invalidArgument(wanted, 'the filter of the parameter map', filter);
  const ranges: readonly (readonly [string, Range])[] = Object.entries(PARAMETERS[filter]);
  const size = `${mapSize(width)} x ${mapSize(height)} x ${ranges.length}`;
  const received = `${values.width} x ${values.height} x ${values.channels}`;
  if (size !== received) throw invalidArgument(`${size} values`, 'the parameter map', received);
  ranges.forEach(([name, [low, high]], c) => {
    const wrong = plane(values, c).find((value) => !(value >= low && value <= high));
    if (wrong !== undefined) throw invalidArgument(`numbers in [${low}, ${high}]`, name, wrong);
  });
}

/** Where the pixels of an axis magnified by `factor` lie in the original, pixel 0 at 0: (X + 1/2) / factor - 1/2. */
export function positions(count: number, factor: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => (i + 0.5) / factor - 0.5);
}

/**
 * Bilinear values of a map at the pixels of a picture, of twice its resolution, magnified by `factor` to
 * `width` x `height`; beyond the border its values repeat.
 */
export function interpolateMap(map: Raster, width: number, height: number, factor = 1): Raster {
  const result = raster(width, height, map.channels);
  const columns = bilinearSteps(width, 2 * factor, map.width);
  const rows = bilinearSteps(height, 2 * factor, map.height);
  const line = new Float32Array(map.width);
  for (let c = 0; c < map.channels; c++) {
    const from = plane(map, c);
    const to = plane(result, c);
    for (let y = 0; y < height; y++) {
      const top = (rows.low[y] as number) * map.width;
      const bottom = (rows.high[y] as number) * map.width;
      const weight = rows.weight[y] as number;
      for (let x = 0; x < map.width; x++) {
        const a = from[top + x] as number;
        line[x] = a + weight * ((from[bottom + x] as number) - a);
      }
      for (let x = 0, i = y * width; x < width; x++, i++) {
        const a = line[columns.low[x] as number] as number;
        to[i] = a + (columns.weight[x] as number) * ((line[columns.high[x] as number] as number) - a);
      }
    }
  }
  return result;
}

/** For every pixel of an axis the two values that it lies between, and how far. */
export function bilinearSteps(
  count: number,
  factor: number,
  size: number,
): { low: Int32Array; high: Int32Array; weight: Float32Array } {
  const steps = { low: new Int32Array(count), high: new Int32Array(count), weight: new Float32Array(count) };
  positions(count, factor).forEach((position, i) => {
    const at = Math.min(Math.max(position, 0), size - 1);
    const low = Math.floor(at);
    steps.low[i] = low;
    steps.high[i] = Math.min(low + 1, size - 1);
    steps.weight[i] = at - low;
  });
  return steps;
}
