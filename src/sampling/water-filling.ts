const MAX_STEPS = 200;

/**
 * Shares of a total in proportion to weights, none below `min` or above `max`: clamp(s * weight, min, max) with the one
 * scale s that makes their sum the total, to float64 precision. Weights that are all 0 count as equal; one of 0 gets more
 * than `min` only when all others have `max`.
 * @param weights finite and not negative.
 * @param total from `min` to `max` times the number of weights.
 */
export function fillInProportion(
  weights: Float32Array,
  total: number,
  min: number,
  max: number,
): Float64Array {
  const shares = new Float64Array(weights.length);
  const positive = weights.reduce((count, weight) => count + (weight > 0 ? 1 : 0), 0);
  if (positive === 0) return shares.fill(total / weights.length);
  const rest = weights.length - positive;
  if (total >= positive * max + rest * min) {
    const each = (total - positive * max) / rest;
    return shares.map((_, i) => ((weights[i] as number) > 0 ? max : each));
  }
  const scale = scaleOf(weights, total, min, max);
  return shares.map((_, i) => Math.min(max, Math.max(min, scale * (weights[i] as number))));
}

/**
 * The scale at which the shares add up to the total. Their sum grows with the scale in straight pieces: each step solves
 * the piece that it is on, or halves the bracket where that leads out of it.
 */
function scaleOf(weights: Float32Array, total: number, min: number, max: number): number {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let scale = total / weights.reduce((sum, weight) => sum + weight, 0);
  for (let step = 0; step < MAX_STEPS; step++) {
    let limited = 0;
    let free = 0;
    for (let i = 0; i < weights.length; i++) {
      const share = scale * (weights[i] as number);
      if (share <= min) limited += min;
      else if (share >= max) limited += max;
      else free += weights[i] as number;
    }
    const error = limited + scale * free - total;
    if (Math.abs(error) <= 1e-12 * total) break;
    if (error > 0) high = scale;
    else low = scale;
    const solved = free > 0 ? (total - limited) / free : Number.NaN;
    const halved = high === Number.POSITIVE_INFINITY ? 2 * scale : (low + high) / 2;
    const next = solved > low && solved < high ? solved : halved;
    if (next === scale) break;
    scale = next;
  }
  return scale;
}
