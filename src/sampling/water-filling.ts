const MAX_STEPS = 200;

/** A limit of all shares, or one for each. */
export type Limit = number | ArrayLike<number>;

/** The limit of share i. */
export function limitAt(limit: Limit, i: number): number {
  return typeof limit === 'number' ? limit : (limit[i] as number);
}

/**
 * Shares of a total in proportion to weights, none below its `min` or above its `max`: clamp(s * weight, min, max) with the one
 * scale s that makes their sum the total, to float64 precision. Weights that are all 0 count as equal; one of 0 gets more
 * than `min` only when all others have `max`.
 * @param weights finite and not negative.
 * @param total from the sum of `min` to the sum of `max`.
 */
export function fillInProportion(weights: Float32Array, total: number, min: Limit, max: Limit): Float64Array {
  // Where all weighted shares are at their `max`, those without a weight share the rest evenly.
  let positive = 0;
  let most = 0;
  for (let i = 0; i < weights.length; i++) {
    const isPositive = (weights[i] as number) > 0;
    if (isPositive) positive++;
    most += limitAt(isPositive ? max : min, i);
  }
  if (positive > 0 && total < most) return fill(weights, total, min, max);
  const least = Float64Array.from(weights, (weight, i) => limitAt(weight > 0 ? max : min, i));
  return fill(new Float32Array(weights.length).fill(1), total, least, max);
}

function fill(weights: Float32Array, total: number, min: Limit, max: Limit): Float64Array {
  const scale = scaleOf(weights, total, min, max);
  return Float64Array.from(weights, (weight, i) =>
    Math.min(limitAt(max, i), Math.max(limitAt(min, i), scale * weight)),
  );
}

/**
 * The scale at which the shares add up to the total. Their sum grows with the scale in straight pieces: each step solves
 * the piece that it is on, or halves the bracket where that leads out of it.
 */
function scaleOf(weights: Float32Array, total: number, min: Limit, max: Limit): number {
  let low = 0;
  let high = Number.POSITIVE_INFINITY;
  let scale = total / weights.reduce((sum, weight) => sum + weight, 0);
  for (let step = 0; step < MAX_STEPS; step++) {
    let limited = 0;
    let free = 0;
    for (let i = 0; i < weights.length; i++) {
      const share = scale * (weights[i] as number);
      const least = limitAt(min, i);
      const most = limitAt(max, i);
      if (share <= least) limited += least;
      else if (share >= most) limited += most;
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
