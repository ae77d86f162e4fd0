import type { Raster } from '../../image/raster.js';
import type { LevelFeatures } from '../../kpcn/frame-features.js';
import type { Level } from '../../kpcn/frame-pyramid.js';
import type { WindowTask } from '../../kpcn/tile-tasks.js';
import { type KeptFrame, levelOf } from './kept-frames.js';
import type { FilterTask, OtherFrame } from './kernel-backend.js';
import type { LevelTiles } from './level-tiles.js';

/** What a window is joined from. */
export interface WindowInputs {
  /** Estimates of the centre and of the other frames. */
  readonly center: Pick<KeptFrame, 'cached'>;
  readonly others: ReadonlyMap<OtherFrame, Pick<KeptFrame, 'cached'>>;
  /** Features of a level of the centre. */
  readonly featuresOf: (
    l: number,
  ) => Pick<LevelFeatures, 'spatial'> & Partial<Pick<LevelFeatures, 'kernelDetail'>>;
  readonly exposure: number;
}

/**
 * Joins the frames of a window in its centre, at all levels. Then limits the finest level by what its frames say, always on the
 * CPU, where its light is; the coarser levels hardly have pixels beyond.
 */
export async function joinWindow(
  task: FilterTask,
  inputs: WindowInputs,
  tiles: LevelTiles<'join'>,
): Promise<void> {
  const { name, version } = task.manifest;
  const model = `${name}@${version}`;
  const tasks = task.picture.levels.map((_, l) => windowTask(task, inputs, l));
  await tiles.run('join', (l, tile) => ({ kind: 'join', model, task: tasks[l] as WindowTask, tile }));
  const finest = tasks[0] as WindowTask;
  await task.jobs.run(tiles.finest('join').map((tile) => ({ kind: 'bound', task: finest, tile })));
}

/** The lambdas of a level's cells, which are the pixels of the next coarser one. */
export function lambdaOf({ logs }: FilterTask, l: number): { readonly logLambda?: Raster } {
  const logLambda = logs?.[l + 1];
  return logLambda === undefined ? {} : { logLambda };
}

/** A level of the centre with the other frames, to be joined. */
export function windowTask(
  task: FilterTask,
  { center, others, featuresOf, exposure }: WindowInputs,
  l: number,
): WindowTask {
  const { picture, irradiance, logs } = task;
  const { denoised } = picture.levels[l] as Level;
  const shares = task.debug?.windowShares?.[l];
  const features = featuresOf(l);
  const estimate = levelOf(center, l);
  return {
    ...{ estimate, exposure, irradiance, denoised, colors: picture.colors },
    spatial: features.spatial,
    ...(features.kernelDetail && { kernelDetail: features.kernelDetail }),
    own: logs === undefined ? estimate.light : denoised,
    neighbors: task.others.map((other) => {
      const [motion, coarserMotion] = other.motion.slice(l, l + 2) as [Raster, Raster];
      const kept = others.get(other) as Pick<KeptFrame, 'cached'>;
      return { slot: other.slot, estimate: levelOf(kept, l), motion, coarserMotion };
    }),
    ...lambdaOf(task, l),
    ...(shares && { shares }),
  };
}
