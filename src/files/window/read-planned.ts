import type { ExrLayout } from '../../exr/layout.js';
import type { ExrPool } from '../../exr/pool.js';
import { channelsToRead, type FrameExtras } from '../../frame/channels-to-read.js';
import { type LayerPlan, type ResolveOptions, resolveLayers } from '../../frame/layers/resolve-layers.js';
import type { PlannedImage } from '../../frame/planned-image.js';

export interface ReadPlannedOptions extends ResolveOptions, FrameExtras {
  readonly signal?: AbortSignal;
}

export interface ReadPlanned extends PlannedImage {
  readonly header: ExrLayout;
}

/**
 * Reads what a frame needs of an OpenEXR file: the header first, against the limits, then its plan, then the channels of
 * the plan and no others.
 * @throws QuietframeError as `resolveLayers` and `ExrPool.read`.
 */
export async function readPlanned(
  exr: Uint8Array,
  pool: ExrPool,
  options: ReadPlannedOptions = {},
): Promise<ReadPlanned> {
  const header = pool.header(exr);
  const plan = resolveLayers(header.parts, options);
  return {
    header,
    plan,
    withSplit: options.withSplit ?? false,
    image: await readChannels(exr, pool, channelsToRead(plan, options), options.signal),
  };
}

/** The denoised or noisy beauty that others read, and no other channel. */
export async function readBeauty(
  exr: Uint8Array,
  pool: ExrPool,
  options: ResolveOptions = {},
): Promise<PlannedImage> {
  const resolved = resolveLayers(pool.header(exr).parts, options);
  const plan: LayerPlan = { ...resolved, layers: { color: resolved.target }, variances: {} };
  return { plan, image: await readChannels(exr, pool, channelsToRead(plan), undefined) };
}

function readChannels(
  exr: Uint8Array,
  pool: ExrPool,
  names: ReadonlyMap<number, ReadonlySet<string>>,
  signal: AbortSignal | undefined,
): Promise<PlannedImage['image']> {
  return pool.read(exr, {
    select: (part, channel) => names.get(part.index)?.has(channel.name) ?? false,
    ...(signal && { signal }),
  });
}
