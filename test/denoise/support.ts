import { fileURLToPath } from 'node:url';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';
import { randomNumbers } from '../support/random.js';

/** Its kernels work on the noisy frames of a window, and it has a branch at a quarter of the resolution. */
export const JOINT_MODELS = fileURLToPath(new URL('../golden/joint-bundle', import.meta.url));
export const TINY_MODELS = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));

/** A picture with gradients and noise that is the same in every run. */
export function noise(width: number, height: number, channels: number, scale = 1, seed = 0): Raster {
  const random = randomNumbers(width * 31 + height * 17 + channels + seed);
  const data = Float32Array.from({ length: width * height * channels }, (_, i) => {
    return scale * ((i % width) / width + random());
  });
  return raster(width, height, channels, data);
}

export function frameOf(width: number, height: number, seed = 0): Frame {
  return {
    width,
    height,
    source: 'cycles',
    color: noise(width, height, 3, 2, seed),
    colorVariance: noise(width, height, 1, 0.2, seed),
    varianceOrigin: 'half-buffers',
    albedo: noise(width, height, 3, 0.5, seed),
    albedoVariance: noise(width, height, 1, 0.01, seed),
    normal: noise(width, height, 3, 0.5, seed),
    normalVariance: noise(width, height, 1, 0.01, seed),
  };
}
