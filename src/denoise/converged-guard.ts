import type { Frame } from '../frame/frame.js';
import { type Raster, raster } from '../image/raster.js';

/** Pixels on a side of the blocks that noise is averaged in. */
const BLOCK = 4;
/** Relative standard deviations below which a pixel is kept as it is, and above which it is denoised. */
const CONVERGED = 0.002;
const NOISY = 0.01;
/** Added to squared exposed means: noise in what is nearly black does not count. */
const EPSILON = 1e-4;

/**
 * How much of the denoised picture is to be taken, in [0, 1] for blocks of 4 x 4 pixels: where the picture has converged no
 * kernel makes it better. A smooth step of the relative standard deviation of the colour, averaged over 3 x 3 blocks.
 * @param exposure what the colour is multiplied by to be of usual brightness.
 * @returns undefined where it is 1 everywhere, or variances are no measurements.
 */
export function denoisedShare(
  { color, colorVariance, varianceOrigin }: Frame,
  exposure: number,
): Raster | undefined {
  if (varianceOrigin === 'estimated') return undefined;
  const mean = blockMeans(color, color.channels);
  const variance = blockMeans(colorVariance, 1);
  const { width, height } = mean;
  const [smoothMean, smoothVariance] = [smooth(mean), smooth(variance)];
  const share = raster(width, height, 1);
  let least = 1;
  for (let i = 0; i < share.data.length; i++) {
    const square = (exposure * (smoothMean.data[i] as number)) ** 2 + EPSILON;
    const deviation = Math.sqrt(Math.max((exposure ** 2 * (smoothVariance.data[i] as number)) / square, 0));
    const t = Math.min(Math.max((deviation - CONVERGED) / (NOISY - CONVERGED), 0), 1);
    const value = t * t * (3 - 2 * t);
    share.data[i] = value;
    if (value < least) least = value;
  }
  return least === 1 ? undefined : share;
}

/** Blends the denoised layer towards the noisy one in place, by the share of {@link denoisedShare}, bilinearly. */
export function keepConverged(noisy: Raster, denoised: Raster, share: Raster): void {
  const { width, height } = denoised;
  const at = (position: number, size: number): { low: number; high: number; part: number } => {
    const place = Math.min(Math.max((position + 0.5) / BLOCK - 0.5, 0), size - 1);
    const low = Math.floor(place);
    return { low, high: Math.min(low + 1, size - 1), part: place - low };
  };
  const columns = Array.from({ length: width }, (_, x) => at(x, share.width));
  for (let y = 0; y < height; y++) {
    const rows = at(y, share.height);
    const [upper, lower] = [rows.low * share.width, rows.high * share.width];
    for (let x = 0; x < width; x++) {
      const { low, high, part } = columns[x] as (typeof columns)[number];
      const top = mix(share.data[upper + low] as number, share.data[upper + high] as number, part);
      const bottom = mix(share.data[lower + low] as number, share.data[lower + high] as number, part);
      const value = mix(top, bottom, rows.part);
      if (value === 1) continue;
      for (let i = y * width + x; i < denoised.data.length; i += width * height) {
        denoised.data[i] = mix(noisy.data[i] as number, denoised.data[i] as number, value);
      }
    }
  }
}

function mix(a: number, b: number, part: number): number {
  return a + part * (b - a);
}

/** Means over blocks and channels. */
function blockMeans({ width, height, data }: Raster, channels: number): Raster {
  const means = raster(Math.ceil(width / BLOCK), Math.ceil(height / BLOCK), 1);
  for (let y = 0; y < height; y++) {
    const rows = Math.min(BLOCK, height - (y - (y % BLOCK)));
    const to = Math.floor(y / BLOCK) * means.width;
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let c = 0; c < channels; c++) sum += data[(c * height + y) * width + x] as number;
      const columns = Math.min(BLOCK, width - (x - (x % BLOCK)));
      const block = to + Math.floor(x / BLOCK);
      means.data[block] = (means.data[block] as number) + sum / (channels * rows * columns);
    }
  }
  return means;
}

/** Means over 3 x 3; the border repeats. */
function smooth({ width, height, data }: Raster): Raster {
  const result = raster(width, height, 1);
  const clamp = (value: number, size: number): number => Math.min(Math.max(value, 0), size - 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let dy = -1; dy <= 1; dy++) {
        for (let dx = -1; dx <= 1; dx++) {
          sum += data[clamp(y + dy, height) * width + clamp(x + dx, width)] as number;
        }
      }
      result.data[y * width + x] = sum / 9;
    }
  }
  return result;
}
