import { neighborsOf, type Raster } from './raster.js';

/** Samples of a raster whose values stay through denoising. */
export interface BrightRegions {
  readonly indices: Uint32Array;
  /** What the samples are; infinity for the largest value that the channel holds. */
  readonly values: Float32Array;
}

/** Fewer connected samples are errors of single pixels, not a light. */
const SMALLEST = 4;

/**
 * Finds connected samples (8-neighborhood, at least four in a channel) that are infinite or above a limit, with the NaN
 * that they enclose: suns and lamps that are too bright for arithmetic. To average them with their neighbors would darken
 * the brightest part of the picture or flood its surroundings.
 * @returns undefined where there are none.
 */
export function findBrightRegions(image: Raster, limit = Number.MAX_VALUE): BrightRegions | undefined {
  const { data } = image;
  if (!data.some((value) => value > limit)) return undefined;
  const found = new Map<number, number>();
  for (const region of components(image, (value) => value > limit)) {
    if (region.length < SMALLEST) continue;
    for (const at of region) found.set(at, data[at] as number);
  }
  if (found.size === 0) return undefined;
  for (const hole of components(image, Number.isNaN)) {
    const around = hole.flatMap((at) => neighborsOf(image, at)).filter((at) => !Number.isNaN(data[at]));
    if (around.length === 0 || !around.every((at) => found.has(at))) continue;
    const value = around.reduce((most, at) => Math.max(most, found.get(at) as number), 0);
    for (const at of hole) found.set(at, value);
  }
  return { indices: Uint32Array.from(found.keys()), values: Float32Array.from(found.values()) };
}

/** Means of the values that two pictures keep; what one of them keeps alone is averaged with the other picture. */
export function meanOfRegions(
  [a, b]: readonly [BrightRegions | undefined, BrightRegions | undefined],
  [first, second]: readonly [Raster, Raster],
): BrightRegions | undefined {
  if (a === undefined && b === undefined) return undefined;
  const [own, other] = [a, b].map(
    (regions) => new Map([...(regions?.indices ?? [])].map((at, i) => [at, regions?.values[i] as number])),
  ) as [Map<number, number>, Map<number, number>];
  const indices = Uint32Array.from(new Set([...own.keys(), ...other.keys()]));
  const values = Float32Array.from(indices, (at) => {
    const values = [own.get(at) ?? (first.data[at] as number), other.get(at) ?? (second.data[at] as number)];
    return ((values[0] as number) + (values[1] as number)) / 2;
  });
  return { indices, values };
}

/**
 * Writes the values of regions, which were found in a picture of the given size, into a picture of the same or another
 * size; infinity becomes `largest`.
 */
export function keepBrightRegions(
  image: Raster,
  { indices, values }: BrightRegions,
  { width, height }: Pick<Raster, 'width' | 'height'>,
  largest: number,
): void {
  // Pixels of the picture whose centers lie in a column or row of the regions.
  const covered = (at: number, scale: number): [number, number] => [
    Math.ceil(at * scale - 0.5),
    Math.ceil((at + 1) * scale - 0.5),
  ];
  for (const [i, at] of indices.entries()) {
    const value = Math.min(values[i] as number, largest);
    const row = Math.floor(at / width);
    const c = Math.floor(row / height);
    const [left, right] = covered(at % width, image.width / width);
    const [top, bottom] = covered(row % height, image.height / height);
    for (let y = top; y < bottom; y++) {
      const begin = (c * image.height + y) * image.width;
      image.data.fill(value, begin + left, begin + right);
    }
  }
}

/** Sets of connected samples for which a condition holds. */
function components(image: Raster, holds: (value: number) => boolean): number[][] {
  const { data } = image;
  const seen = new Uint8Array(data.length);
  const found: number[][] = [];
  for (let first = 0; first < data.length; first++) {
    if (seen[first] === 1 || !holds(data[first] as number)) continue;
    const component = [first];
    seen[first] = 1;
    for (let i = 0; i < component.length; i++) {
      for (const neighbor of neighborsOf(image, component[i] as number)) {
        if (seen[neighbor] === 1 || !holds(data[neighbor] as number)) continue;
        seen[neighbor] = 1;
        component.push(neighbor);
      }
    }
    found.push(component);
  }
  return found;
}
