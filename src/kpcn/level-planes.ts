import { plane, type Raster } from '../image/raster.js';
import { COLOR_CHANNELS } from './frame-pyramid.js';
import type { FilteredFrame } from './tile-tasks.js';

/** Planes of a level in the order in which they are filtered. */
export interface LevelPlanes {
  readonly sources: readonly Float32Array[];
  readonly targets: readonly (Float32Array | undefined)[];
  readonly hasAlbedo: boolean;
}

/** Irradiance has no albedo in it, so that none is filtered with it. */
export function planesOf({ radiance, albedo, denoised }: FilteredFrame, irradiance: boolean): LevelPlanes {
  const hasAlbedo = albedo !== undefined && !irradiance;
  const targets: (Float32Array | undefined)[] = planesIn(denoised);
  if (hasAlbedo) targets.splice(COLOR_CHANNELS, 0, ...new Array(albedo.channels));
  return { sources: sourcePlanes(radiance, hasAlbedo ? albedo : undefined), targets, hasAlbedo };
}

function sourcePlanes(radiance: Raster, albedo: Raster | undefined): Float32Array[] {
  const planes = planesIn(radiance);
  if (albedo !== undefined) planes.splice(COLOR_CHANNELS, 0, ...planesIn(albedo));
  return planes;
}

export function planesIn(image: Raster): Float32Array[] {
  return Array.from({ length: image.channels }, (_, c) => plane(image, c));
}
