import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';

/** Squares of large float32 values overflow; a variance stays finite. */
const MAX_VARIANCE = 3.4e38;

/**
 * Variance of (a + b) / 2 for two independent renders of the same frame and of equal sample counts, averaged over
 * channels: mean_c((a - b)^2) / 4. If a and b have variance v each, (a - b)^2 is 2 v on average, and the mean has v / 2.
 */
export function halfBufferVariance(a: Raster, b: Raster): Raster {
  return perPixel(a, (i) => ((a.data[i] as number) - (b.data[i] as number)) ** 2 / 4);
}

/** (a + b) / 2. */
export function meanOfHalves(a: Raster, b: Raster): Raster {
  const mean = raster(a.width, a.height, a.channels);
  for (let i = 0; i < mean.data.length; i++)
    mean.data[i] = ((a.data[i] as number) + (b.data[i] as number)) / 2;
  return mean;
}

/** Variance of the mean from that of `samples` samples, averaged over channels; what is negative counts as 0. */
export function varianceFromSamples(variance: Raster, samples: number): Raster {
  return perPixel(variance, (i) => Math.max(0, variance.data[i] as number) / samples);
}

/** As {@link varianceFromSamples}, for the variance of the samples divided by their mean. */
export function varianceFromRelative(relative: Raster, mean: Raster, samples: number): Raster {
  return perPixel(
    relative,
    (i) => Math.max(0, (relative.data[i] as number) * (mean.data[i] as number)) / samples,
  );
}

/**
 * Variance of the mean from the first two moments of `samples` samples, averaged over channels:
 * (E[x^2] - E[x]^2) / (samples - 1), for E[x^2] - E[x]^2 is (samples - 1) / samples of the variance on average.
 * @throws QuietframeError `invalid-argument` for fewer than 2 samples.
 */
export function varianceFromMoments(mean: Raster, secondMoment: Raster, samples: number): Raster {
  if (!(samples >= 2)) {
    throw new QuietframeError('invalid-argument', expected('2 or more', 'samples per pixel', samples), {
      parameter: 'samplesPerPixel',
    });
  }
  return perPixel(
    mean,
    (i) => Math.max(0, (secondMoment.data[i] as number) - (mean.data[i] as number) ** 2) / (samples - 1),
  );
}

/**
 * Takes a variance of `from` (say, CIE XYZ) to another basis of colour, `to`, of the same pixels: it scales with the mean
 * squares. Exact where the noise of a pixel has the pixel's own colour, the usual case of noisy light.
 */
export function varianceInBasis(variance: Raster, from: Raster, to: Raster): Raster {
  const squares = perPixel(from, (i) => (from.data[i] as number) ** 2).data;
  const wanted = perPixel(to, (i) => (to.data[i] as number) ** 2).data;
  const scaled = raster(variance.width, variance.height, 1);
  for (let i = 0; i < scaled.data.length; i++) {
    const square = squares[i] as number;
    const ratio = square > 0 ? (wanted[i] as number) / square : 1;
    scaled.data[i] = Math.min(MAX_VARIANCE, (variance.data[i] as number) * ratio);
  }
  return scaled;
}

/**
 * Stand-in for a colour variance that is not given: the 3x3 sample variance of each channel, averaged; border pixels
 * repeat. It sees texture as noise, which encoders that are trained with it have learned to tell apart; the training
 * computes the same (`estimate_variance`).
 */
export function estimateVariance(color: Raster): Raster {
  const { width, height, channels } = color;
  const variance = raster(width, height, 1);
  const sums = new Float64Array(width * height);
  for (let c = 0; c < channels; c++) {
    const values = plane(color, c);
    for (let y = 0; y < height; y++) {
      const rows = [Math.max(0, y - 1) * width, y * width, Math.min(height - 1, y + 1) * width];
      for (let x = 0; x < width; x++) {
        const left = Math.max(0, x - 1);
        const right = Math.min(width - 1, x + 1);
        let sum = 0;
        let squares = 0;
        for (const row of rows) {
          const a = values[row + left] as number;
          const b = values[row + x] as number;
          const d = values[row + right] as number;
          sum += a + b + d;
          squares += a * a + b * b + d * d;
        }
        const at = y * width + x;
        sums[at] = (sums[at] as number) + Math.max(0, (squares - (sum * sum) / 9) / 8);
      }
    }
  }
  for (let i = 0; i < sums.length; i++) {
    variance.data[i] = Math.min(MAX_VARIANCE, (sums[i] as number) / channels);
  }
  return variance;
}

/** One channel: the mean over the channels of `value`, which gets the index of each sample of `image`. */
function perPixel(image: Raster, value: (index: number) => number): Raster {
  const pixels = image.width * image.height;
  const result = raster(image.width, image.height, 1);
  for (let i = 0; i < pixels; i++) {
    let sum = 0;
    for (let c = 0; c < image.channels; c++) sum += value(c * pixels + i);
    result.data[i] = Math.min(MAX_VARIANCE, sum / image.channels);
  }
  return result;
}
