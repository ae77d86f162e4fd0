import type { Tensor } from '../engine/engine.js';
import { type Simd, WasmBuild } from '../engine/wasm-build.js';
import { copyRegion } from '../image/copy-region.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import type { FrameLevel } from './frame-pyramid.js';

/** Channels of the network's input; see {@link ComponentFeatures}. */
export const INPUT_CHANNELS = 13;

const EXPOSURE_KEY = 0.18;
const EXPOSURE_BLOCK = 16;
const DARKEST_BLOCK = 1e-8;

/**
 * The scale that brings the log-average luminance of a picture to 0.18, from the means of 16 x 16 blocks brighter than
 * 1e-8; 1 for a black picture. A statistic of the whole picture, taken before any tiling.
 * @param color at least 3 channels, of which the top left `width` x `height` pixels count.
 */
export function autoExposure(color: Raster, width = color.width, height = color.height): number {
  const { data, width: columns } = color;
  const plane = columns * color.height;
  let sum = 0;
  let count = 0;
  for (let top = 0; top < height; top += EXPOSURE_BLOCK) {
    for (let left = 0; left < width; left += EXPOSURE_BLOCK) {
      const bottom = Math.min(top + EXPOSURE_BLOCK, height);
      const right = Math.min(left + EXPOSURE_BLOCK, width);
      let luminance = 0;
      for (let y = top; y < bottom; y++) {
        const end = y * columns + right;
        for (let i = y * columns + left; i < end; i++) {
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
 * Computes the 13 features of a tile, [1,13,h,w]: log(1+colour) 3, its relative variance 1, log(1+albedo) 3, relative
 * variance 1, normal 3, relative variance 1, 1 where the colour is irradiance. Light is multiplied by the exposure, its variance by the square. Missing
 * buffers are 0. Variances are relative to the squared mean, clamped to [0, 1] (Vogels et al. 2018, section 6.1). Not for
 * use by two threads.
 */
export class ComponentFeatures {
  readonly #build: WasmBuild;
  readonly #light: (...parameters: readonly number[]) => void;
  readonly #normal: (...parameters: readonly number[]) => void;

  /** @param simd the build to run; by default the fastest that this process can run. */
  constructor(simd?: Simd) {
    this.#build = new WasmBuild('component-features', simd);
    this.#light = this.#build.function('lightFeatures');
    this.#normal = this.#build.function('normalFeatures');
  }

  /** The features of a tile of even width and height; they take the place of those of the last one. */
  compute(level: FrameLevel, tile: Tile, exposure: number, irradiance = false): Tensor {
    const { width, height } = tile;
    const size = width * height;
    const [data] = this.#build.allocate(INPUT_CHANNELS * size);
    const bytes = size * Float32Array.BYTES_PER_ELEMENT;
    const { radiance, colorVariance, albedo, albedoVariance, normal, normalVariance } = level;
    const groups = [
      { buffer: radiance, variance: colorVariance },
      { buffer: albedo, variance: albedoVariance },
      { buffer: normal, variance: normalVariance },
    ];
    for (const [i, { buffer, variance }] of groups.entries()) {
      copyTile(buffer, 3, tile, data.subarray(4 * i * size, (4 * i + 3) * size));
      copyTile(variance, 1, tile, data.subarray((4 * i + 3) * size, (4 * i + 4) * size));
    }
    this.#light(data.byteOffset, bytes, exposure);
    this.#light(data.byteOffset + 4 * bytes, bytes, 1);
    this.#normal(data.byteOffset + 8 * bytes, bytes);
    data.fill(irradiance ? 1 : 0, 12 * size);
    return { data, shape: [1, INPUT_CHANNELS, height, width] };
  }
}

/** The first channels of a tile, or zeros where there is no such raster. */
function copyTile(from: Raster | undefined, channels: number, tile: Tile, to: Float32Array): void {
  if (from === undefined) {
    to.fill(0);
    return;
  }
  copyRegion(from, tile, channels, { ...tile, data: to });
}
