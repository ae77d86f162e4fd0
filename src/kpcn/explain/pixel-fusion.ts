import type { NetworkConstants } from '../../engine/model-manifest.js';
import type { Raster } from '../../image/raster.js';
import type { JoinedFrame, JoinTask } from '../fusion-task.js';
import type { KernelFeatures } from '../kernel-apply.js';
import { colorAt, pixelOf, softplus } from './pixel-kernel.js';

/** Of the network's channels, for each slot: weight, sharpness, and the bandwidths of light and albedo. */
const KERNEL_PLANES = 4;
/** Largest logarithm of a weight. */
const MAX_WEIGHT = 4;

/** What one other frame of a window adds to a pixel. */
export interface FusedFrame {
  readonly slot: number;
  /** Pixel of the other frame in the middle of its taps; undefined where the frame does not show what the pixel shows. */
  readonly place?: { readonly x: number; readonly y: number };
  /** Sum of its weights, in [0, 1). */
  readonly share: number;
  readonly size: number;
  /** Of its single-frame result, row by row; none without a place. */
  readonly weights: Float32Array;
}

/** How a pixel is fused; the shares of the frame itself and of all others add up to 1. */
export interface PixelFusion {
  readonly share: number;
  readonly frames: readonly FusedFrame[];
}

/**
 * Figure 3 of Vogels et al. 2018 for one pixel: the weights that `assembly/neighbor-join.ts` applies to the single-frame results
 * of the other frames, with one softmax over the taps of all frames.
 * @param kernels what the network predicts about an area that holds the pixel.
 */
export function pixelFusion(
  {
    center,
    exposure,
    kernels,
    guideScale,
  }: Pick<JoinTask, 'center' | 'exposure'> &
    Pick<NetworkConstants, 'guideScale'> & { readonly kernels: KernelFeatures['kernels'] },
  frames: readonly JoinedFrame[],
  size: number,
  x: number,
  y: number,
): PixelFusion {
  const own = guidesAt(center.light, center.albedo, exposure, x, y);
  const raw = frames.map((frame) => {
    const [place, rest] = placeOf(frame.motion, x, y);
    if (place === undefined) return { slot: frame.slot, size, weights: new Float32Array(0) };
    const predicted = (plane: number): number => pixelOf(kernels, KERNEL_PLANES * frame.slot + plane, x, y);
    const weight = Math.min(predicted(0), MAX_WEIGHT);
    const sharpness = softplus(predicted(1));
    const [light, albedo] = [2, 3].map((plane) => guideScale ** 2 * softplus(predicted(plane)));
    const radius = size >> 1;
    const weights = Float32Array.from({ length: size ** 2 }, (_, tap) => {
      const [dx, dy] = [(tap % size) - radius, Math.floor(tap / size) - radius];
      const other = guidesAt(frame.light, frame.albedo, exposure, place.x + dx, place.y + dy);
      return Math.exp(
        weight -
          sharpness * ((dx - rest.x) ** 2 + (dy - rest.y) ** 2) -
          (light as number) * distance(own.light, other.light) -
          (albedo as number) * distance(own.albedo, other.albedo),
      );
    });
    return { slot: frame.slot, place, size, weights };
  });
  const sum = (weights: Float32Array): number => weights.reduce((total, weight) => total + weight, 0);
  const total = raw.reduce((all, { weights }) => all + sum(weights), 1);
  return {
    share: 1 / total,
    frames: raw.map((frame) => ({
      ...frame,
      share: sum(frame.weights) / total,
      weights: frame.weights.map((weight) => weight / total),
    })),
  };
}

function guidesAt(
  light: Raster,
  albedo: Raster | undefined,
  exposure: number,
  x: number,
  y: number,
): Readonly<Record<'light' | 'albedo', number[]>> {
  return {
    light: colorAt(light, x, y).map((value) => Math.log1p(exposure * value)),
    albedo: albedo === undefined ? [] : colorAt(albedo, x, y),
  };
}

function distance(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + (value - (b[i] as number)) ** 2, 0);
}

/** The pixel that is nearest to where motion leads, if it is in the frame, and the motion from there on. */
function placeOf(
  { width, height, data }: Raster,
  x: number,
  y: number,
): [{ readonly x: number; readonly y: number } | undefined, { readonly x: number; readonly y: number }] {
  const at = y * width + x;
  const [moveX, moveY] = [data[at] as number, data[width * height + at] as number];
  const place = { x: x + Math.floor(moveX + 0.5), y: y + Math.floor(moveY + 0.5) };
  const isInside = place.x >= 0 && place.x < width && place.y >= 0 && place.y < height;
  return [isInside ? place : undefined, { x: moveX - (place.x - x), y: moveY - (place.y - y) }];
}
