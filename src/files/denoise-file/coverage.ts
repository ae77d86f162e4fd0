import { neighborsOf, type Raster, raster } from '../../image/raster.js';

/** Half the side of the window in which fractional alpha is counted: 5 x 5 pixels. */
const RADIUS = 2;
/** Shares of fractional pixels from which alpha is partly, and wholly, the filtered one. Edges of one pixel are below. */
const [EDGE, SOFT] = [0.3, 0.5];
/** Where alpha is more than this many times the filtered one, the filter has lost what covers the pixel. */
const MOST_GAIN = 4;

/** Alpha of a denoised picture, and what its light is multiplied by so that it fits that alpha. */
export interface Coverage {
  readonly alpha: Raster;
  /** One value for each pixel; NaN where the noisy light is to be kept. */
  readonly gain: Float32Array;
}

/** Whether alpha says anything: some pixels are covered, and some not wholly. Alpha of 0 everywhere was not rendered. */
export function isTransparent({ data }: Raster): boolean {
  return data.some((value) => value > 0) && data.some((value) => value < 1);
}

/**
 * Alpha for light that kernels have spread beyond the edges of what it belongs to. Light is multiplied by alpha, so light
 * over filtered alpha is the color of the surface, and that times the alpha of the pixel its share of the pixel. Alpha is
 * that of the render, which antialiases edges better than any filter; where most pixels of a 5 x 5 window are fractional
 * (volumes, blur) it is noisy, and the filtered one takes its place. It stays 0 or 1 where it is so all around.
 * @param noisy alpha of the render. @param filtered by the kernels of the colour.
 */
export function coverageOf(noisy: Raster, filtered: Raster): Coverage {
  const { width, height } = noisy;
  const share = fractionalShare(noisy);
  const alpha = raster(width, height, 1);
  const gain = new Float32Array(width * height);
  for (let i = 0; i < gain.length; i++) {
    const own = clamped(noisy.data[i] as number);
    const smooth = clamped(filtered.data[i] as number);
    const part = clamped(((share[i] as number) - EDGE) / (SOFT - EDGE));
    const wanted = own + part * (smooth - own);
    alpha.data[i] = wanted;
    if (wanted === 0) gain[i] = 0;
    else if (wanted === smooth) gain[i] = 1;
    else gain[i] = wanted > MOST_GAIN * smooth ? Number.NaN : wanted / smooth;
  }
  return { alpha, gain };
}

/**
 * Multiplies a denoised layer by the gain, in place. Light without coverage (glow, emission of volumes) is not bound to
 * alpha: near pixels that have light at an alpha of 0, the layer stays as it is.
 */
export function applyCoverage(layer: Raster, noisy: Raster, noisyAlpha: Raster, { gain }: Coverage): void {
  const isFree = freeLight(noisy, noisyAlpha);
  const pixels = gain.length;
  for (let i = 0; i < layer.data.length; i++) {
    const pixel = i % pixels;
    const factor = gain[pixel] as number;
    if (factor === 1 || isFree[pixel] === 1) continue;
    layer.data[i] = Number.isNaN(factor) ? (noisy.data[i] as number) : factor * (layer.data[i] as number);
  }
}

/** Share of pixels that are neither 0 nor 1 in the window around each pixel. */
function fractionalShare(alpha: Raster): Float32Array {
  const isFractional = alpha.data.map((value) => (value > 0 && value < 1 ? 1 : 0));
  return boxMean({ ...alpha, data: isFractional });
}

/** 1 for pixels within the window of one that has light and an alpha of 0. */
function freeLight(light: Raster, alpha: Raster): Uint8Array {
  const pixels = alpha.data.length;
  const found = new Uint8Array(pixels);
  let front: number[] = [];
  for (let i = 0; i < light.data.length; i++) {
    const pixel = i % pixels;
    if (found[pixel] === 1 || (alpha.data[pixel] as number) > 0 || !((light.data[i] as number) > 0)) continue;
    found[pixel] = 1;
    front.push(pixel);
  }
  for (let step = 0; step < RADIUS; step++) {
    const next: number[] = [];
    for (const pixel of front) {
      for (const neighbor of neighborsOf(alpha, pixel)) {
        if (found[neighbor] === 1) continue;
        found[neighbor] = 1;
        next.push(neighbor);
      }
    }
    front = next;
  }
  return found;
}

/** Means over windows, as far as the picture reaches, along rows and then along columns. */
function boxMean({ width, height, data }: Raster): Float32Array {
  const along = (
    values: Float32Array,
    length: number,
    step: number,
    first: (line: number) => number,
  ): Float32Array => {
    const result = new Float32Array(values.length);
    for (let line = 0; line < values.length / length; line++) {
      const start = first(line);
      for (let at = 0; at < length; at++) {
        const [from, to] = [Math.max(at - RADIUS, 0), Math.min(at + RADIUS, length - 1)];
        let sum = 0;
        for (let k = from; k <= to; k++) sum += values[start + k * step] as number;
        result[start + at * step] = sum / (to - from + 1);
      }
    }
    return result;
  };
  const rows = along(data, width, 1, (line) => line * width);
  return along(rows, height, width, (line) => line);
}

function clamped(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
