import type { ExrLayout } from '../../exr/layout.js';
import type { ExrSource } from '../../exr/source.js';
import { type LayerPlan, type ResolveOptions, resolveLayers } from '../../frame/layers/resolve-layers.js';

/** A file and which of its channels play which role. The plan is made once, and travels with the file. */
export interface PlannedSource {
  readonly source: ExrSource;
  readonly plan: LayerPlan;
}

/** What a frame comes from: one file, or two half buffers. */
export interface FrameParts<T> {
  readonly main: T;
  readonly half?: T;
}

/** Plans of headers, by what they were asked for. They go with the header. */
const known = new WeakMap<ExrLayout, Map<string, LayerPlan>>();

/**
 * Finds the layers of a file, once for the same options.
 * @throws QuietframeError as `resolveLayers`.
 */
export function planSource(source: ExrSource, options: ResolveOptions = {}): PlannedSource {
  const { source: renderer, view, layers, motion, samplesPerPixel, aovs } = options;
  const key = JSON.stringify({ renderer, view, layers, motion, samplesPerPixel, aovs });
  const plans = known.get(source.header) ?? new Map<string, LayerPlan>();
  known.set(source.header, plans);
  const plan = plans.get(key) ?? resolveLayers(source.header.parts, options);
  plans.set(key, plan);
  return { source, plan };
}
