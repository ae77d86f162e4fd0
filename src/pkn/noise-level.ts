import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster } from '../image/raster.js';

/** The median of |x| of a normal distribution, in units of its standard deviation. */
const NORMAL_MEDIAN = 0.6744897501960817;

/**
 * Standard deviation of white Gaussian noise in each channel of a picture: the median absolute diagonal detail of 2 x 2
 * blocks, (a - b - c + d) / 2, over 0.6745 (Donoho and Johnstone 1994). Smooth areas and straight edges do not enter it;
 * texture does, so that it is an upper estimate. 0 for pictures without a 2 x 2 block.
 */
export function estimateNoiseSigma(image: Raster): number[] {
  return Array.from({ length: image.channels }, (_, c) => {
    const { width, height } = image;
    const values = plane(image, c);
    const details = new Float32Array((width >> 1) * (height >> 1));
    let count = 0;
    for (let y = 0; y + 1 < height; y += 2) {
      for (let i = y * width; i + 1 < (y + 1) * width; i += 2) {
        const top = (values[i] as number) - (values[i + 1] as number);
        const bottom = (values[i + width] as number) - (values[i + width + 1] as number);
        details[count++] = Math.abs(top - bottom) / 2;
      }
    }
    return median(details) / NORMAL_MEDIAN;
  });
}

/** Sorts the values. */
function median(values: Float32Array): number {
  values.sort();
  const middle = values.length >> 1;
  const upper = values[middle] ?? 0;
  return values.length % 2 === 1 ? upper : (upper + (values[middle - 1] ?? 0)) / 2;
}

/** @throws QuietframeError `invalid-argument` for anything but a finite number above 0. */
export function checkNoiseSigma(noiseSigma: number): void {
  if (!(noiseSigma > 0 && Number.isFinite(noiseSigma))) {
    const message = expected('a finite number above 0', 'noiseSigma', noiseSigma);
    throw new QuietframeError('invalid-argument', message, { parameter: 'noiseSigma' });
  }
}
