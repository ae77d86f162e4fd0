import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { channelsToRead, type FrameExtras } from '../../frame/channels-to-read.js';
import { type LayerPlan, type ResolveOptions, resolveLayers } from '../../frame/layers/resolve-layers.js';
import type { PlannedImage } from '../../frame/planned-image.js';
import type { PlannedSource } from './planned-source.js';

export interface ReadPlannedOptions extends FrameExtras {
  readonly signal?: AbortSignal;
}

/**
 * Reads what a frame needs of an OpenEXR file: the channels of its plan and no others.
 * @throws QuietframeError as `ExrPool.read`.
 */
export async function readPlanned(
  { source, plan }: PlannedSource,
  pool: Pick<ExrPool, 'read'>,
  options: ReadPlannedOptions = {},
): Promise<PlannedImage> {
  return {
    plan,
    withSplit: options.withSplit ?? false,
    image: await readChannels(source, pool, channelsToRead(plan, options), options.signal),
  };
}

/**
 * The denoised or noisy beauty that others read, and no other channel.
 * @throws QuietframeError as `resolveLayers` and `ExrPool.read`.
 */
export async function readBeauty(
  source: ExrSource,
  pool: Pick<ExrPool, 'read'>,
  options: ResolveOptions = {},
): Promise<PlannedImage> {
  const resolved = resolveLayers(source.header.parts, options);
  const plan: LayerPlan = { ...resolved, layers: { color: resolved.target }, variances: {} };
  return { plan, image: await readChannels(source, pool, channelsToRead(plan), undefined) };
}

function readChannels(
  source: ExrSource,
  pool: Pick<ExrPool, 'read'>,
  names: ReadonlyMap<number, ReadonlySet<string>>,
  signal: AbortSignal | undefined,
): Promise<PlannedImage['image']> {
  return pool.read(source, {
    select: (part, channel) => names.get(part.index)?.has(channel.name) ?? false,
    ...(signal && { signal }),
  });
}
