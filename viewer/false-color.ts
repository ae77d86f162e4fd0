/** Colours of the Viridis map of Matplotlib (CC0) at equal steps, as sRGB bytes: even steps look even, also in grey. */
const VIRIDIS = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 74, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [109, 205, 89],
  [180, 222, 44],
  [253, 231, 37],
] as const;

/** The colour of a value in [0, 1] as sRGB bytes; values outside get the colours of the ends, NaN the lower one. */
export function falseColor(value: number): [red: number, green: number, blue: number] {
  const place = Math.min(Math.max(value || 0, 0), 1) * (VIRIDIS.length - 1);
  const low = Math.min(Math.floor(place), VIRIDIS.length - 2);
  const [from, to] = [VIRIDIS[low], VIRIDIS[low + 1]] as [readonly number[], readonly number[]];
  const mix = (c: number): number =>
    Math.round((from[c] ?? 0) + (place - low) * ((to[c] ?? 0) - (from[c] ?? 0)));
  return [mix(0), mix(1), mix(2)];
}

/** 256 colours as RGBA bytes, for a texture and for the legend. */
export function colorTable(): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(4 * 256).fill(255);
  for (let i = 0; i < 256; i++) table.set(falseColor(i / 255), 4 * i);
  return table;
}

/** Values that the colours stand for. */
export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The middle 98 % of the finite values; never empty, so that it can be divided by. */
export function usualRange(values: ArrayLike<number>, stride = 1): Range {
  const count = Math.floor(values.length / stride);
  const step = Math.max(1, Math.floor(count / 100_000)) * stride;
  const some: number[] = [];
  for (let i = 0; i < values.length; i += step) {
    const value = values[i] as number;
    if (Number.isFinite(value)) some.push(value);
  }
  some.sort((a, b) => a - b);
  const at = (share: number): number => some[Math.round(share * (some.length - 1))] ?? 0;
  const [low, high] = [at(0.01), at(0.99)];
  return high > low ? { low, high } : { low, high: low + 1 };
}
