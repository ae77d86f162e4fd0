import { expected, QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';

const RANGE = 'a number in [1, 10]';

/**
 * Checks a lambda.
 * @throws QuietframeError `invalid-argument` for values out of range, NaN and maps of other than 1 channel,
 * `mismatched-frames` for maps of another size.
 */
export function checkLambda(
  lambda: number | Raster,
  { width, height }: { width: number; height: number },
): void {
  const invalid = (range: string, received: unknown): QuietframeError =>
    new QuietframeError('invalid-argument', expected(range, 'lambda', received), { parameter: 'lambda' });
  const inRange = (value: number): boolean => value >= 1 && value <= 10;
  if (typeof lambda === 'number') {
    if (!inRange(lambda)) throw invalid(RANGE, lambda);
    return;
  }
  if (lambda.channels !== 1) throw invalid('1 channel', lambda.channels);
  if (lambda.width !== width || lambda.height !== height) {
    const received = `${lambda.width} x ${lambda.height}`;
    const message = expected(`${width} x ${height} pixels`, 'lambda', received);
    throw new QuietframeError('mismatched-frames', message, { parameter: 'lambda' });
  }
  const wrong = lambda.data.findIndex((value) => !inRange(value));
  if (wrong >= 0) throw invalid(`${RANGE} in every pixel`, lambda.data[wrong]);
}

/** The logarithm that the network sees, log10 of lambda in [0, 1]; undefined where lambda is 1 in every pixel. */
export function logLambda(
  lambda: number | Raster,
  { width, height }: { width: number; height: number },
): Raster | undefined {
  if (typeof lambda === 'number') {
    if (lambda === 1) return undefined;
    const data = new Float32Array(width * height).fill(Math.log10(lambda));
    return { width, height, channels: 1, data };
  }
  if (lambda.data.every((value) => value === 1)) return undefined;
  return { width, height, channels: 1, data: lambda.data.map(Math.log10) };
}

/** The mean, where it is a map. */
export function meanLambda(lambda: number | Raster): number {
  if (typeof lambda === 'number') return lambda;
  return lambda.data.reduce((sum, value) => sum + value, 0) / lambda.data.length;
}
