import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { fillInProportion } from './water-filling.js';

export interface DensityOptions {
  /** Least and most density of a pixel, relative to the mean of 1; in [0, 1], and at least 1. */
  readonly floor: number;
  readonly ceiling: number;
  /** Pixels on every side to which an error spreads: a filter takes from around a pixel, and predictions are not that sharp. */
  readonly dilation: number;
}

/**
 * Nobody is starved on the word of a network: every pixel keeps a tenth of the mean. The ceiling leaves room for what is
 * left in a nearly clean picture.
 */
export const DENSITY_DEFAULTS: DensityOptions = { floor: 0.1, ceiling: 16, dilation: 1 };

/** Strictly in proportion to the error, as Vogels et al. 2018, section 5. */
export const PROPORTIONAL: DensityOptions = { floor: 0, ceiling: Number.POSITIVE_INFINITY, dilation: 0 };

/**
 * The share of new samples that each pixel is to get: proportional to an error (Vogels et al. 2018, section 5) after a
 * small dilation, within the floor and the ceiling, with the mean 1. A picture without errors is sampled evenly.
 * @param error one channel.
 * @throws QuietframeError `invalid-argument` for errors that are negative or not finite and for options out of range.
 */
export function samplingDensity(error: Raster, options: DensityOptions = DENSITY_DEFAULTS): Raster {
  const { floor, ceiling, dilation } = options;
  const check = (holds: boolean, range: string, name: string, received: unknown): void => {
    if (holds) return;
    throw new QuietframeError('invalid-argument', expected(range, name, received), { parameter: name });
  };
  check(error.channels === 1, '1', 'channels of the error map', error.channels);
  check(floor >= 0 && floor <= 1, 'a number in [0, 1]', 'floor', floor);
  check(ceiling >= 1, 'a number of at least 1', 'ceiling', ceiling);
  check(
    Number.isInteger(dilation) && dilation >= 0 && dilation <= 64,
    'a whole number in [0, 64]',
    'dilation',
    dilation,
  );
  const bad = error.data.findIndex((value) => !(value >= 0 && value < Number.POSITIVE_INFINITY));
  if (bad >= 0) {
    const at = `the error of pixel (${bad % error.width}, ${Math.floor(bad / error.width)})`;
    check(false, 'a finite number of at least 0', at, error.data[bad]);
  }
  const { width, height } = error;
  const weights = plane(dilate(error, dilation), 0);
  const shares = fillInProportion(weights, weights.length, floor, ceiling);
  return raster(width, height, 1, Float32Array.from(shares));
}

/** The greatest value within `radius` pixels in x and in y. */
function dilate(image: Raster, radius: number): Raster {
  if (radius === 0) return image;
  const { width, height, data } = image;
  const rows = new Float32Array(data.length);
  const result = raster(width, height, 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let most = 0;
      for (let u = Math.max(0, x - radius); u <= Math.min(width - 1, x + radius); u++) {
        most = Math.max(most, data[y * width + u] as number);
      }
      rows[y * width + x] = most;
    }
  }
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let most = 0;
      for (let v = Math.max(0, y - radius); v <= Math.min(height - 1, y + radius); v++) {
        most = Math.max(most, rows[v * width + x] as number);
      }
      result.data[y * width + x] = most;
    }
  }
  return result;
}
