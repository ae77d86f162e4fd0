import type { NetworkConstants } from '../../engine/model-manifest.js';
import type { Raster } from '../../image/raster.js';
import type { LevelFeatures } from '../frame-features.js';
import type { JoinedFrame } from '../fusion-task.js';
import type { KernelFeatures } from '../kernel-apply.js';
import type { KernelLogits } from '../kernel-logits.js';
import type { WindowTask } from '../tile-tasks.js';
import { boundGain } from '../window-bound.js';
import { type PixelFusion, pixelFusion } from './pixel-fusion.js';
import { albedoGains, applyPixelKernel, colorAt, type PixelKernel, pixelKernel } from './pixel-kernel.js';

/** A pixel of a level whose kernels are wanted. */
export interface PixelTask {
  readonly x: number;
  readonly y: number;
  readonly features: LevelFeatures;
  readonly logLambda?: Raster;
  /** Of the centre: noisy color, then further planes. */
  readonly radiance: Raster;
  /** Of the centre, as its kernels filter it; none where the gate has nothing to work on. */
  readonly albedo?: Raster;
  /** The same level of the window. */
  readonly window?: WindowTask;
  /** Whether the level is held within the bound of windows, which the finest is. */
  readonly isBounded: boolean;
}

/**
 * What the network does for one pixel of a level. The color of the frame's own kernels is `gain` times the weighted sum of the
 * noisy colors. In a window the level's color is `fusion.gain` times the weighted sum of the frames' own results, the frame
 * itself with the weight `fusion.share`, and times `fusion.bound` where other frames contradict it.
 */
export interface ExplainedLevel {
  readonly x: number;
  readonly y: number;
  readonly kernel: PixelKernel & { readonly gain: readonly number[] };
  readonly fusion?: PixelFusion & { readonly gain: readonly number[]; readonly bound: number };
}

/** How the pixel is fused with other frames. */
export interface FusionKernels {
  readonly kernels: KernelFeatures['kernels'];
  readonly frames: readonly JoinedFrame[];
  /** Side of the kernels in the other frames. */
  readonly size: number;
}

/** @param kernels what the network predicts about an area that holds the pixel. */
export function explainLevel(
  task: PixelTask,
  logits: KernelLogits,
  kernels: KernelFeatures['kernels'],
  constants: NetworkConstants,
  fusing?: FusionKernels,
): ExplainedLevel {
  const { x, y, features, albedo, window } = task;
  const predicted = pixelKernel(logits, kernels, features.embedding, x, y);
  const kernel = albedo === undefined ? { ...predicted, gate: 0 } : predicted;
  const gainOf = (gate: number, filter: (albedo: Raster) => number[]): number[] =>
    albedo === undefined ? [1, 1, 1] : albedoGains(colorAt(albedo, x, y), filter(albedo), gate, constants);
  const gain = gainOf(kernel.gate, (of) => applyPixelKernel(kernel, of, x, y));
  const explained = { x, y, kernel: { ...kernel, gain } };
  if (window === undefined || fusing === undefined) return explained;
  const { estimate: center, exposure, own } = window;
  const { guideScale } = constants;
  const predictedFusion = { center, exposure, kernels: fusing.kernels, guideScale };
  const fusion = pixelFusion(predictedFusion, fusing.frames, fusing.size, x, y);
  const others = (layer: 'light' | 'albedo'): number[][] =>
    fusion.frames.flatMap(({ place, ...weights }, i) => {
      const raster = fusing.frames[i]?.[layer];
      return place === undefined || raster === undefined
        ? []
        : [applyPixelKernel(weights, raster, place.x, place.y)];
    });
  const joined = (values: readonly number[], added: readonly number[][]): number[] =>
    values.map((value, c) => added.reduce((sum, each) => sum + (each[c] as number), fusion.share * value));
  const fused = gainOf(center.gate.data[y * center.gate.width + x] as number, (of) =>
    joined(colorAt(of, x, y), others('albedo')),
  );
  // Another lambda has overwritten the light of the centre by now: its own kernel tells what it was.
  const ownColor =
    own === window.denoised
      ? applyPixelKernel(kernel, task.radiance, x, y).map((value, c) => value * (gain[c] as number))
      : colorAt(own, x, y);
  const brightness = joined(ownColor, others('light')).reduce(
    (sum, value, c) => sum + value * (fused[c] as number),
    0,
  );
  const bound = task.isBounded ? boundGain(window)(x, y, brightness) : 1;
  return { ...explained, fusion: { ...fusion, gain: fused, bound } };
}
