import type { Raster, SharedRasters } from '../../image/raster.js';
import {
  allocatePyramids,
  type FrameLevel,
  fillPyramid,
  type Picture,
  type Pyramid,
} from '../../kpcn/frame-pyramid.js';
import { logLambda } from '../lambda.js';
import type { DenoiseJob } from '../worker/jobs.js';

/** log10 of lambda at all levels and one more; undefined where lambda is 1. */
export function lambdaPyramid(
  lambda: number | Raster,
  size: Picture,
  levels: number,
  memory: SharedRasters,
): Raster[] | undefined {
  const log = logLambda(lambda, size);
  if (log === undefined) return undefined;
  const [pyramid = []] = allocatePyramids(size, levels, [{ channels: 1, levels: levels + 1 }], memory);
  fillPyramid(pyramid, [log]);
  return pyramid;
}

/** Motion to a frame, at all levels and one more. */
export function motionPyramid(motion: Raster, levels: number, memory: SharedRasters): Raster[] {
  const layout = [{ channels: 2, levels: levels + 1 }];
  const [pyramid = []] = allocatePyramids(motion, levels, layout, memory);
  fillPyramid(pyramid, [motion]);
  return pyramid;
}

/** Bands of rows of the finest level, whole at every level. */
export function coarsenJobs(
  { levels }: Picture<FrameLevel>,
  pyramids: readonly Pyramid[],
  workers: number,
): DenoiseJob[] {
  const height = levels[0]?.height ?? 0;
  const multiple = 2 ** levels.length;
  const rows = Math.ceil(height / (2 * workers) / multiple) * multiple;
  const jobs: DenoiseJob[] = [];
  for (let begin = 0; begin < height; begin += rows) {
    jobs.push({ kind: 'coarsen', pyramids, begin, end: Math.min(begin + rows, height) });
  }
  return jobs;
}
