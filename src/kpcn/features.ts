import type { Tensor, TensorMemory } from '../engine/engine.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/tile.js';
import type { Level } from './picture.js';

/** Channels of the network's input; see {@link componentFeatures}. */
export const INPUT_CHANNELS = 12;

/** Keeps relative variances finite in black pixels; far below any visible signal after exposure to 0.18. */
const RELATIVE_EPSILON = 1e-4;

const EXPOSURE_KEY = 0.18;
const EXPOSURE_BLOCK = 16;
const DARKEST_BLOCK = 1e-8;

/** Variance of the mean over the squared mean, clamped to [0, 1] (Vogels et al. 2018, section 6.1). */
export function relativeVariance(variance: number, meanSquare: number): number {
  return Math.min(Math.max(variance / (meanSquare + RELATIVE_EPSILON), 0), 1);
}

/**
 * The scale that brings the log-average luminance of a picture to 0.18, from the means of 16 x 16 blocks brighter than
 * 1e-8; 1 for a black picture. A statistic of the whole picture, taken before any tiling.
 * @param color at least 3 channels, of which the top left `width` x `height` pixels count.
 */
export function autoExposure(color: Raster, width = color.width, height = color.height): number {
  const plane = color.width * color.height;
  const { data } = color;
  let sum = 0;
  let count = 0;
  for (let top = 0; top < height; top += EXPOSURE_BLOCK) {
    for (let left = 0; left < width; left += EXPOSURE_BLOCK) {
      const bottom = Math.min(top + EXPOSURE_BLOCK, height);
      const right = Math.min(left + EXPOSURE_BLOCK, width);
      let luminance = 0;
      for (let y = top; y < bottom; y++) {
        for (let i = y * color.width + left; i < y * color.width + right; i++) {
          luminance +=
            0.2126 * Math.max(data[i] as number, 0) +
            0.7152 * Math.max(data[i + plane] as number, 0) +
            0.0722 * Math.max(data[i + 2 * plane] as number, 0);
        }
      }
      const mean = luminance / ((bottom - top) * (right - left));
      if (mean > DARKEST_BLOCK) {
        sum += Math.log2(mean);
        count++;
      }
    }
  }
  return count === 0 ? 1 : EXPOSURE_KEY / 2 ** (sum / count);
}

/**
 * The 12 features of a tile, [1,12,h,w]: log(1+colour) 3, its relative variance 1, log(1+albedo) 3, relative variance 1,
 * normal 3, relative variance 1. Light is multiplied by the exposure, its variance by the square.
 * Missing buffers are 0.
 */
export function componentFeatures(level: Level, tile: Tile, exposure: number, memory: TensorMemory): Tensor {
  const size = tile.width * tile.height;
  const tensor = memory.tensor('x', INPUT_CHANNELS, tile.height, tile.width);
  const { data } = tensor;
  data.fill(0);
  const group = (channel: number): Float32Array => data.subarray(channel * size, (channel + 4) * size);
  lightFeatures(level.radiance, level.colorVariance, tile, exposure, group(0));
  if (level.albedo) lightFeatures(level.albedo, level.albedoVariance, tile, 1, group(4));
  if (level.normal) normalFeatures(level.normal, level.normalVariance, tile, group(8));
  return tensor;
}

/** log(1 + s x) of three channels and the relative variance of their mean. */
function lightFeatures(
  light: Raster,
  variance: Raster | undefined,
  tile: Tile,
  scale: number,
  to: Float32Array,
): void {
  const { data } = light;
  const plane = light.width * light.height;
  const size = tile.width * tile.height;
  for (let y = 0; y < tile.height; y++) {
    let from = (tile.y + y) * light.width + tile.x;
    for (let at = y * tile.width; at < (y + 1) * tile.width; at++, from++) {
      const red = scale * (data[from] as number);
      const green = scale * (data[from + plane] as number);
      const blue = scale * (data[from + 2 * plane] as number);
      // In double precision log(1 + x) is as good as log1p for float32 and several times faster.
      to[at] = Math.log(1 + Math.max(red, 0));
      to[at + size] = Math.log(1 + Math.max(green, 0));
      to[at + 2 * size] = Math.log(1 + Math.max(blue, 0));
      if (variance === undefined) continue;
      const mean = (red + green + blue) / 3;
      to[at + 3 * size] = relativeVariance(scale * scale * (variance.data[from] as number), mean * mean);
    }
  }
}

/** Three channels and their variance relative to the mean square. */
function normalFeatures(normal: Raster, variance: Raster | undefined, tile: Tile, to: Float32Array): void {
  const { data } = normal;
  const plane = normal.width * normal.height;
  const size = tile.width * tile.height;
  for (let y = 0; y < tile.height; y++) {
    let from = (tile.y + y) * normal.width + tile.x;
    for (let at = y * tile.width; at < (y + 1) * tile.width; at++, from++) {
      const nx = data[from] as number;
      const ny = data[from + plane] as number;
      const nz = data[from + 2 * plane] as number;
      to[at] = nx;
      to[at + size] = ny;
      to[at + 2 * size] = nz;
      if (variance === undefined) continue;
      const meanSquare = (nx * nx + ny * ny + nz * nz) / 3;
      to[at + 3 * size] = relativeVariance(variance.data[from] as number, meanSquare);
    }
  }
}
