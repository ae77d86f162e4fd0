import { expected, QuietframeError } from '../../errors.js';
import type { LayerPlan } from '../../frame/layers/resolve-layers.js';
import type { Box } from '../../image/image.js';

/** What frames of a window have to have in common. */
export interface FitOptions {
  readonly withAlpha?: boolean;
  readonly withSplit?: boolean;
  /** The variances of the frame come from half buffers, whatever its layers. */
  readonly halves?: boolean;
}

/**
 * Checks that a frame goes with another one: the same data window, the same renderer, and the same layers of those that
 * are read.
 * @param frame what errors call the frame.
 * @throws QuietframeError `mismatched-frames`, naming the frame and the layer.
 */
export function checkFit(plan: LayerPlan, wanted: LayerPlan, frame: string, options: FitOptions = {}): void {
  checkWindow(plan, wanted, frame);
  if (plan.source !== wanted.source) {
    const message = expected(`a file of ${wanted.source}`, frame, `one of ${plan.source}`);
    throw new QuietframeError('mismatched-frames', message, { frame });
  }
  const [own, others] = [rolesOf(plan, options), rolesOf(wanted, options)];
  const layer = [...own, ...others].find((role) => own.has(role) !== others.has(role));
  if (layer === undefined) return;
  const [range, received] = others.has(layer) ? ['the layer', 'none'] : ['no layer', 'one'];
  const message = expected(`${range} ${layer}, as in the frame that is denoised,`, frame, received);
  throw new QuietframeError('mismatched-frames', message, { frame, layer });
}

/** @throws QuietframeError `mismatched-frames`. */
export function checkWindow(
  { dataWindow }: LayerPlan,
  { dataWindow: wanted }: LayerPlan,
  frame: string,
): void {
  const shown = ({ xMin, yMin, xMax, yMax }: Box): string => `(${xMin}, ${yMin}) to (${xMax}, ${yMax})`;
  if (shown(dataWindow) === shown(wanted)) return;
  const message = expected(`the data window ${shown(wanted)}`, frame, shown(dataWindow));
  throw new QuietframeError('mismatched-frames', message, { frame });
}

function rolesOf(
  plan: LayerPlan,
  { withAlpha = false, withSplit = false, halves = false }: FitOptions,
): ReadonlySet<string> {
  const { albedo, normal, motion, diffuseColor } = plan.layers;
  const present = {
    albedo,
    normal,
    motion: plan.motionConvention === 'unknown' ? undefined : motion,
    diffuseColor: withSplit ? diffuseColor : undefined,
    alpha: withAlpha ? plan.alpha : undefined,
    ...(halves ? {} : plan.variances),
  };
  return new Set(Object.entries(present).flatMap(([role, layer]) => (layer === undefined ? [] : [role])));
}
