import type { Raster } from '../../image/raster.js';
import type { LevelRaster, SingleFrameResult } from '../../kpcn/frame-features.js';
import type { FrameLevel, Picture } from '../../kpcn/frame-pyramid.js';
import type { CachedLevels } from './feature-cache.js';
import type { FilterTask, OtherFrame } from './kernel-backend.js';

/** What of a frame decides whether something of it is in the cache. */
export type FrameContent = Pick<FilterTask, 'key' | 'seen' | 'prefiltered'>;

/** What is kept of a frame, and whether it is there already. */
export interface KeptFrame<Name extends string = keyof SingleFrameResult> {
  /** Nothing is kept without one. */
  readonly key: string | undefined;
  readonly cached: CachedLevels<Name>;
  readonly known: boolean;
}

/** The estimates of the frames of a request, each looked up in the cache once. */
export class WindowEstimates<Name extends string = keyof SingleFrameResult> {
  readonly others: ReadonlyMap<OtherFrame, KeptFrame<Name>>;
  /** Of the centre, in a window. */
  readonly center: KeptFrame<Name> | undefined;

  constructor(task: FilterTask, lookUp: (frame: FrameContent) => KeptFrame<Name>) {
    this.others = new Map(task.others.map((other) => [other, lookUp({ ...other, key: other.frame.key })]));
    this.center = task.others.length > 0 ? lookUp(task) : undefined;
  }

  /** Other frames whose estimates are still to be made. */
  get unknown(): readonly OtherFrame[] {
    return [...this.others].flatMap(([other, { known }]) => (known ? [] : [other]));
  }

  /** Whether the centre's is still to be made. */
  get lacksCenter(): boolean {
    return this.center?.known === false;
  }

  of(other: OtherFrame): KeptFrame<Name> {
    return this.others.get(other) as KeptFrame<Name>;
  }
}

/** Rasters of all levels of a frame of the request, by a name of what they are. */
export function getCachedLevels<Name extends string>(
  { manifest, irradiance, picture, lease }: FilterTask,
  what: string,
  rasters: readonly LevelRaster<Name>[],
  { key, seen, prefiltered }: FrameContent,
): KeptFrame<Name> {
  const { width, height } = picture;
  const { name, version, architecture } = manifest;
  const made = [what, name, version, seen.encoder, prefiltered, irradiance, width, height];
  const own = key && [...made, key].join(' ');
  return { key: own, ...lease.get(own, { width, height, levels: architecture.levels, rasters }) };
}

/** A level of what is kept. */
export function levelOf<Name extends string>(
  { cached }: Pick<KeptFrame<Name>, 'cached'>,
  l: number,
): Readonly<Record<Name, Raster>> {
  return cached.levels[l] as Readonly<Record<Name, Raster>>;
}

/** Copies what estimates have of a frame as it is: the albedo, and for joint kernels its noisy light. */
export function keepPlanes({ levels }: Picture<FrameLevel>, { cached }: Pick<KeptFrame, 'cached'>): void {
  for (const [l, { albedo, radiance }] of cached.levels.entries()) {
    const level = levels[l] as FrameLevel;
    if (albedo !== undefined) albedo.data.set(level.albedo?.data ?? []);
    radiance?.data.set(level.radiance.data);
  }
}
