/**
 * Means over squares of 2 radius + 1 pixels, fewer at the border.
 * @param values row by row.
 */
export function boxMean(values: Float32Array, width: number, height: number, radius: number): Float32Array {
  return meanAlong(meanAlong(values, width, 1, height, width, radius), height, width, width, 1, radius);
}

/** Means along `lines` lines of `length` samples, `step` apart within a line and `lineStep` between lines. */
function meanAlong(
  values: Float32Array,
  length: number,
  step: number,
  lines: number,
  lineStep: number,
  radius: number,
): Float32Array {
  const means = new Float32Array(values.length);
  for (let line = 0; line < lines; line++) {
    for (let i = 0; i < length; i++) {
      const [first, last] = [Math.max(0, i - radius), Math.min(length - 1, i + radius)];
      let sum = 0;
      for (let j = first; j <= last; j++) sum += values[line * lineStep + j * step] as number;
      means[line * lineStep + i * step] = sum / (last - first + 1);
    }
  }
  return means;
}
