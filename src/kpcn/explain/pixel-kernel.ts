import type { NetworkConstants } from '../../engine/model-manifest.js';
import type { Raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import type { KernelFeatures } from '../kernel-apply.js';
import type { KernelLogits } from '../kernel-logits.js';

/** Channels of a color and of an albedo. */
const CHANNELS = 3;

/** The kernel of one pixel of a level. */
export interface PixelKernel {
  /** Taps along a side; the pixel is in the middle. Beyond the border of the level a tap reads the border pixel. */
  readonly size: number;
  /** Row by row from the upper left; the sum is 1. */
  readonly weights: Float32Array;
  /** How much of the albedo's texture comes back, in [0, 1]. */
  readonly gate: number;
}

/**
 * Equation 4 of Vogels et al. 2018 for one pixel, with the affinity term: the weights of equation 3, which
 * `assembly/kernel-apply.ts` applies and does not store.
 * @param kernels what the network predicts about an area that holds the pixel.
 * @param embedding of the level.
 */
export function pixelKernel(
  { kernelSize, contextChannels, data: logits }: KernelLogits,
  kernels: KernelFeatures['kernels'],
  embedding: Raster,
  x: number,
  y: number,
): PixelKernel {
  const feature = (c: number): number => pixelOf(kernels, c, x, y);
  const context = Array.from({ length: contextChannels }, (_, c) => Math.max(feature(c), 0));
  const bandwidth = softplus(feature(contextChannels));
  const radius = kernelSize >> 1;
  const weights = new Float32Array(kernelSize ** 2);
  for (let tap = 0; tap < weights.length; tap++) {
    const first = tap * (contextChannels + 1);
    let logit = logits[first + contextChannels] as number;
    for (const [c, value] of context.entries()) logit += value * (logits[first + c] as number);
    const [u, v] = [x + (tap % kernelSize) - radius, y + Math.floor(tap / kernelSize) - radius];
    let distance = 0;
    for (let c = 0; c < embedding.channels; c++) {
      distance += (valueAt(embedding, c, u, v) - valueAt(embedding, c, x, y)) ** 2;
    }
    weights[tap] = logit - bandwidth * distance;
  }
  const largest = weights.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const sum = weights.reduce((total, logit) => total + Math.exp(logit - largest), 0);
  const gate = 1 / (1 + Math.exp(-feature(contextChannels + 1)));
  return { size: kernelSize, weights: weights.map((logit) => Math.exp(logit - largest) / sum), gate };
}

/** What the gate multiplies a pixel's color by: 1 + gate ((albedo + e) / (filtered + e) - 1), the ratio within [1/m, m]. */
export function albedoGains(
  albedo: readonly number[],
  filtered: readonly number[],
  gate: number,
  { albedoEpsilon: e, maxAlbedoRatio: m }: NetworkConstants,
): number[] {
  return albedo.map((value, c) => {
    const ratio = (value + e) / ((filtered[c] as number) + e);
    return 1 + gate * (Math.min(Math.max(ratio, 1 / m), m) - 1);
  });
}

/** Equation 3: the weighted sum of a kernel's taps of the first three channels of a picture. */
export function applyPixelKernel(
  { size, weights }: Pick<PixelKernel, 'size' | 'weights'>,
  image: Raster,
  x: number,
  y: number,
): number[] {
  const radius = size >> 1;
  return Array.from({ length: CHANNELS }, (_, c) =>
    weights.reduce(
      (sum, weight, tap) =>
        sum + weight * valueAt(image, c, x + (tap % size) - radius, y + Math.floor(tap / size) - radius),
      0,
    ),
  );
}

/** The first three channels of a pixel. */
export function colorAt(image: Raster, x: number, y: number): number[] {
  return Array.from({ length: CHANNELS }, (_, c) => valueAt(image, c, x, y));
}

/** A value of a picture; beyond its border that of the border pixel. */
export function valueAt({ width, height, data }: Raster, c: number, x: number, y: number): number {
  const column = Math.min(Math.max(x, 0), width - 1);
  const row = Math.min(Math.max(y, 0), height - 1);
  return data[(c * height + row) * width + column] as number;
}

/** A pixel of plane c of a tensor whose channel 4c + 2v + u is pixel (2y + v, 2x + u) of an area. */
export function pixelOf(
  { area, tensor }: { readonly area: Tile; readonly tensor: KernelFeatures['kernels']['tensor'] },
  c: number,
  x: number,
  y: number,
): number {
  const [, , rows, columns] = tensor.shape;
  const [u, v] = [x - area.x, y - area.y];
  const channel = 4 * c + 2 * (v % 2) + (u % 2);
  return tensor.data[(channel * rows + (v >> 1)) * columns + (u >> 1)] as number;
}

/** log(1 + e^x). */
export function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}
