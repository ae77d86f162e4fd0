import { plane, type Raster, raster } from '../image/raster.js';

/** Of the Gaussian blur whose difference to a picture sharpens it. */
const SIGMA = 0.7;
const RADIUS = Math.ceil(3 * SIGMA);

/** Weights at -RADIUS to RADIUS; they sum to 1. */
const WEIGHTS = ((): readonly number[] => {
  const line = Array.from({ length: 2 * RADIUS + 1 }, (_, i) =>
    Math.exp(-((i - RADIUS) ** 2) / (2 * SIGMA ** 2)),
  );
  const sum = line.reduce((a, b) => a + b);
  return line.map((weight) => weight / sum);
})();

/** A picture minus its Gaussian blur of sigma 0.7; beyond the border its pixels repeat. */
export function unsharpDetail(image: Raster): Raster {
  const { width, height, channels } = image;
  const detail = raster(width, height, channels);
  const blurred = new Float32Array(width * height);
  for (let c = 0; c < channels; c++) {
    const values = plane(image, c);
    const target = plane(detail, c);
    blurAlong(values, blurred, height, width, width, 1);
    blurAlong(blurred, target, width, height, 1, width);
    for (let i = 0; i < target.length; i++) target[i] = (values[i] as number) - (target[i] as number);
  }
  return detail;
}

/** Blurs `lines` lines of `length` samples, `step` apart within a line and `lineStep` between lines. */
function blurAlong(
  from: Float32Array,
  to: Float32Array,
  lines: number,
  length: number,
  lineStep: number,
  step: number,
): void {
  for (let line = 0; line < lines; line++) {
    const start = line * lineStep;
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (let k = -RADIUS; k <= RADIUS; k++) {
        const j = Math.min(Math.max(i + k, 0), length - 1);
        sum += (WEIGHTS[k + RADIUS] as number) * (from[start + j * step] as number);
      }
      to[start + i * step] = sum;
    }
  }
}
