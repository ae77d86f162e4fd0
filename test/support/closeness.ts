import type { Raster } from '../../src/image/raster.js';

/** The largest absolute difference of two pictures of one size. */
export function largestDifference(a: Raster, b: Raster): number {
  if (a.width !== b.width || a.height !== b.height || a.data.length !== b.data.length) {
    throw new Error(`${a.width} x ${a.height} and ${b.width} x ${b.height} pixels`);
  }
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - (b.data[i] as number))), 0);
}

/** The largest error, relative to the value that is wanted. */
export function largestRelativeError(received: ArrayLike<number>, wanted: ArrayLike<number>): number {
  return largest(received, wanted, (value) => Math.abs(value));
}

/** The largest error, relative to wanted values above 1 and absolute below. */
export function largestError(received: ArrayLike<number>, wanted: ArrayLike<number>): number {
  return largest(received, wanted, (value) => Math.max(Math.abs(value), 1));
}

function largest(
  received: ArrayLike<number>,
  wanted: ArrayLike<number>,
  scale: (value: number) => number,
): number {
  if (received.length !== wanted.length) throw new Error(`${received.length} and ${wanted.length} values`);
  let most = 0;
  for (let i = 0; i < wanted.length; i++) {
    const value = wanted[i] as number;
    // NaN stays: it is far from everything.
    most = Math.max(most, Math.abs((received[i] as number) - value) / scale(value));
  }
  return most;
}
