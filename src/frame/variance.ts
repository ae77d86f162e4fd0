import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';

/** Squares of large float32 values overflow; a variance stays finite. */
const MAX_VARIANCE = 3.4e38;

/**
 * Variance of (a + b) / 2 for two independent renders of the same frame and of equal sample counts, averaged over
 * channels: mean_c((a - b)^2) / 4. If a and b have variance v each, (a - b)^2 is 2 v on average, and the mean has v / 2.
 */
export function halfBufferVariance(a: Raster, b: Raster): Raster {
  const squares = new Float32Array(a.data.length);
  for (let i = 0; i < squares.length; i++) {
    const difference = (a.data[i] as number) - (b.data[i] as number);
    squares[i] = (difference * difference) / 4;
  }
  return meanOverChannels({ ...a, data: squares }, 1);
}

/** Variance of (a + b) / 2 for independent a and b with these variances: a quarter of their sum. */
export function varianceOfMeanOf(a: Raster, b: Raster): Raster {
  const sum = a.data.map((value, i) => value / 4 + (b.data[i] as number) / 4);
  return raster(a.width, a.height, a.channels, sum);
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
  return meanOverChannels(variance, samples);
}

/** As {@link varianceFromSamples}, for the variance of the samples divided by their mean. */
export function varianceFromRelative(relative: Raster, mean: Raster, samples: number): Raster {
  const variance = relative.data.map((value, i) => value * (mean.data[i] as number));
  return meanOverChannels({ ...relative, data: variance }, samples);
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
  const central = secondMoment.data.map((square, i) => square - (mean.data[i] as number) ** 2);
  return meanOverChannels({ ...mean, data: central }, samples - 1);
}

/**
 * Takes a variance of `from` (say, CIE XYZ) to another basis of colour, `to`, of the same pixels: it scales with the mean
 * squares. Exact where the noise of a pixel has the pixel's own colour, the usual case of noisy light.
 */
export function varianceInBasis(variance: Raster, from: Raster, to: Raster): Raster {
  const squares = meanOverChannels({ ...from, data: from.data.map((value) => value * value) }, 1).data;
  const wanted = meanOverChannels({ ...to, data: to.data.map((value) => value * value) }, 1).data;
  const scaled = variance.data.map((value, i) => {
    const square = squares[i] as number;
    return square > 0 ? Math.min(MAX_VARIANCE, (value * (wanted[i] as number)) / square) : value;
  });
  return raster(variance.width, variance.height, 1, scaled);
}

/**
 * Stand-in for a colour variance that is not given: the 3x3 sample variance of each channel, averaged; border pixels
 * repeat. It sees texture as noise, which encoders that are trained with it have learned to tell apart; the training
 * computes the same (`estimate_variance`).
 */
export function estimateVariance(color: Raster): Raster {
  const { width, height, channels } = color;
  const variance = new Float32Array(width * height * channels);
  // Sums over the three rows, with the border column repeated on both sides.
  const sums = new Float64Array(width + 2);
  const squares = new Float64Array(width + 2);
  for (let c = 0; c < channels; c++) {
    const values = plane(color, c);
    for (let y = 0; y < height; y++) {
      const above = Math.max(0, y - 1) * width;
      const below = Math.min(height - 1, y + 1) * width;
      for (let x = 0; x < width; x++) {
        const a = values[above + x] as number;
        const b = values[y * width + x] as number;
        const d = values[below + x] as number;
        sums[x + 1] = a + b + d;
        squares[x + 1] = a * a + b * b + d * d;
      }
      for (const edges of [sums, squares]) {
        edges[0] = edges[1] as number;
        edges[width + 1] = edges[width] as number;
      }
      const row = (c * height + y) * width;
      for (let x = 0; x < width; x++) {
        const sum = (sums[x] as number) + (sums[x + 1] as number) + (sums[x + 2] as number);
        const square = (squares[x] as number) + (squares[x + 1] as number) + (squares[x + 2] as number);
        variance[row + x] = (square - (sum * sum) / 9) / 8;
      }
    }
  }
  return meanOverChannels({ ...color, data: variance }, 1);
}

/** One channel: the mean over the channels, negative samples counted as 0, over `divisor`; finite. */
function meanOverChannels(image: Raster, divisor: number): Raster {
  const { width, height, channels, data } = image;
  const pixels = width * height;
  const result = raster(width, height, 1);
  const scale = 1 / (channels * divisor);
  for (let i = 0; i < pixels; i++) {
    let sum = 0;
    for (let at = i; at < data.length; at += pixels) {
      const value = data[at] as number;
      if (value > 0) sum += value;
    }
    const mean = sum * scale;
    result.data[i] = mean < MAX_VARIANCE ? mean : MAX_VARIANCE;
  }
  return result;
}
