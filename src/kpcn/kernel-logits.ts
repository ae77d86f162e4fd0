import { expected, QuietframeError } from '../errors.js';

export const TAP_GROUP = 3;
export const MAX_EMBEDDING = 8;
/** Embeddings of up to so many channels take this many planes, others the most. */
export const SMALL_EMBEDDING = 4;
/** Logarithm of the weight of taps that fill up a row: its exponential is 0. */
const OUTSIDE = -1e4;

/** The layer that turns context into the positional logits of the taps: raw float32 [K*K][C+1], weights, then bias. */
export interface KernelLogits {
  readonly kernelSize: number;
  readonly contextChannels: number;
  readonly embeddingChannels: number;
  readonly data: Float32Array;
}

export function checkLogits({ kernelSize, contextChannels, embeddingChannels, data }: KernelLogits): void {
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
}

/** [K*K][C+1] -> [ceil(K*K/3)][C+1][3] in base 2, the bias first. */
export function packLogits({ kernelSize, contextChannels, data }: KernelLogits): Float32Array {
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

/** [K*K][C+1] -> [K][C+1][rowTaps] in base 2, the bias first, relative to the tap in the middle. */
export function packRelativeLogits(
  { kernelSize, contextChannels, data }: KernelLogits,
  rowTaps: number,
): Float32Array {
  const columns = contextChannels + 1;
  const middle = ((kernelSize ** 2) >> 1) * columns;
  const packed = new Float32Array(kernelSize * columns * rowTaps);
  for (let dy = 0; dy < kernelSize; dy++) {
    for (let c = 0; c < columns; c++) {
      const row = (dy * columns + ((c + 1) % columns)) * rowTaps;
      for (let dx = 0; dx < kernelSize; dx++) {
        const tap = (dy * kernelSize + dx) * columns + c;
        packed[row + dx] = Math.LOG2E * ((data[tap] as number) - (data[middle + c] as number));
      }
      if (c === contextChannels) packed.fill(OUTSIDE, row + kernelSize, row + rowTaps);
    }
  }
  return packed;
}
