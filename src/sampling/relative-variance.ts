import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';

/** Keeps relative variances of black pixels finite, as the features of the denoiser do. */
const RELATIVE_EPSILON = 1e-4;

/**
 * Writes the variance of the noisy mean of each pixel of a tile, relative to the squared brightness of the denoised picture. It
 * says where samples reduce noise, and knows of no denoiser.
 * @param denoised light, not exposed; 3 channels or more.
 * @param colorVariance of the size of `denoised`, 1 channel.
 * @param exposure as the denoiser used it.
 * @param target of that size, 1 channel; values in [0, 1].
 */
export function relativeVariance(
  { denoised, colorVariance }: { readonly denoised: Raster; readonly colorVariance: Raster },
  exposure: number,
  tile: Tile,
  target: Raster,
): void {
  const plane = denoised.width * denoised.height;
  for (let y = tile.y; y < tile.y + tile.height; y++) {
    for (let x = tile.x; x < tile.x + tile.width; x++) {
      const i = y * denoised.width + x;
      let brightness = 0;
      for (let c = 0; c < 3; c++) brightness += (exposure * (denoised.data[c * plane + i] as number)) / 3;
      const variance = exposure ** 2 * (colorVariance.data[i] as number);
      target.data[i] = Math.min(1, variance / (brightness ** 2 + RELATIVE_EPSILON));
    }
  }
}
