import type { LayerPlan, PlannedLayer } from './layers/resolve-layers.js';

/** What a frame may have beside colour, its companions and their variances. */
export interface FrameExtras {
  readonly withAlpha?: boolean;
  /** The diffuse and specular split. */
  readonly withSplit?: boolean;
  readonly withMotion?: boolean;
}

/** Full names of the channels that a frame needs, by part. Depth is not among them: nothing reads it yet. */
export function channelsToRead(
  plan: LayerPlan,
  { withAlpha = false, withSplit = false, withMotion = false }: FrameExtras = {},
): ReadonlyMap<number, ReadonlySet<string>> {
  const names = new Map<number, Set<string>>();
  const add = (layer: PlannedLayer | undefined): void => {
    if (layer === undefined) return;
    const known = names.get(layer.part) ?? new Set();
    names.set(layer.part, known);
    for (const channel of layer.channels) known.add(channel);
  };
  const { color, albedo, normal, motion, diffuseDirect, diffuseIndirect, diffuseColor } = plan.layers;
  for (const layer of [color, albedo, normal]) add(layer);
  if (withSplit) for (const layer of [diffuseDirect, diffuseIndirect, diffuseColor]) add(layer);
  if (withMotion && plan.motionConvention !== 'unknown') add(motion);
  for (const { layer, surface } of plan.lights) {
    add(layer);
    add(surface);
  }
  for (const variance of Object.values(plan.variances)) {
    add(variance);
    add(variance.mean);
  }
  if (withAlpha) add(plan.alpha?.read);
  return names;
}
