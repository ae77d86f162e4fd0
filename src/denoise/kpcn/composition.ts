import type { Tile } from '../../image/region.js';
import type { Level } from '../../kpcn/frame-pyramid.js';
import type { Tiling } from '../tiling.js';
import type { DenoiseJob } from '../worker/jobs.js';
import type { FilterTask } from './kernel-backend.js';

/** Tiles of the compositor, which is small, have this side at most. */
const COMPOSITE_PIXELS = 512 ** 2;

/** Tiles of the levels that are composited with the next coarser one, which the coarsest is not. */
export function compositionTiles({ picture, areas }: FilterTask, tiling: Tiling): readonly Tile[][] {
  const finer = picture.levels.slice(0, -1);
  return finer.map((_, l) => tiling.cut(areas[l]?.composited as Tile, 0, COMPOSITE_PIXELS));
}

/** Figure 4 of Vogels et al. 2018: jobs that composite a level with the coarser one, which is complete. */
export function compositeJobs(
  { picture, debug, manifest }: FilterTask,
  l: number,
  tiles: readonly Tile[],
  exposure: number,
): DenoiseJob[] {
  const [fine, coarse] = picture.levels.slice(l, l + 2) as [Level, Level];
  const weights = debug?.blendWeights?.[l];
  const model = `${manifest.name}@${manifest.version}`;
  const target = { fine, coarse, exposure, ...(weights && { weights }) };
  return tiles.map((tile) => ({ kind: 'composite', model, tile, ...target }));
}
