import pMap from 'p-map';
import { withFrameName } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { Frame } from '../../frame/frame.js';
import { boxHeight, boxWidth, type Image } from '../../image/image.js';
import type { Raster } from '../../image/raster.js';
import { loopStep } from '../../sampling/sampling-loop.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import { CachedFrames } from '../window/frame-cache.js';
import { loadFrame } from '../window/load-frame.js';
import type { LoadedWindow } from '../window/loaded-window.js';
import { type PlannedSource, planSource } from '../window/planned-source.js';
import { readPlanned } from '../window/read-planned.js';
import { type WindowMotion, windowMotion } from '../window/window-motion.js';
import { isTransparent } from './coverage.js';
import { readLambdaMap } from './lambda-map.js';
import { checkAuxiliaries } from './maps.js';
import type { PlannedFiles } from './plan-files.js';
import { readSampleLimits, type SampleLimits } from './sample-limits.js';
import type { ViewTask } from './view-task.js';

/** Share of the progress at the end of decoding. */
export const DECODED = 0.05;

/** The frames of a request, decoded and built. */
export interface LoadedFiles {
  readonly window: LoadedWindow;
  readonly motion: Omit<WindowMotion, 'motions'>;
  /** Colours of surfaces as they stay in the original file. */
  readonly surfaces: Image;
  readonly lambdaMap: Raster | undefined;
  /** Limits of the samples of every pixel. */
  readonly limits: SampleLimits;
  readonly guide: Frame | undefined;
  /** Light is made to fit alpha. */
  readonly covers: boolean;
  readonly cached: CachedFrames;
}

/**
 * Reads the frames of a window and the motion between them, and the other files of the request.
 * @throws QuietframeError as `loadFrame`, `windowMotion`, `readLambdaMap`, `readSampleLimits` and `loopStep`, naming the file; `cancelled`.
 */
export async function loadFiles(
  { files, options, asked, services: { pool, frames }, watch }: ViewTask,
  { original, window: planned, aovs, withSplit, withAlpha, mayCover }: PlannedFiles,
): Promise<LoadedFiles> {
  const { signal } = options;
  const { lambdaMap: mapFile, guide: guideFile } = files;
  const { dataWindow } = original.plan;
  const lambdaMap =
    mapFile && (await withFrameName(mapFile.name, () => readLambdaMap(mapFile, dataWindow, pool, signal)));
  if (options.maps?.loop) loopStep(options.maps.loop, boxWidth(dataWindow), boxHeight(dataWindow));
  const limits = await withFrameName(original.source.name, () =>
    readSampleLimits(original.source, options.maps ?? {}, dataWindow, pool, signal),
  );

  const cached = frames?.begin() ?? new CachedFrames();
  const withMotion = planned.neighbors.length > 0;
  const loading = { ...options, aovs, withAlpha, withSplit, withMotion };
  const [center, surfaces, guiding] = await Promise.all([
    loadFrame(planned.center, loading, pool, cached, () => watch.lap('decode')),
    withFrameName(original.source.name, () => readSurfaces(original, pool, signal)),
    guideFile &&
      withFrameName(guideFile.name, () =>
        readPlanned(planSource(guideFile, { ...options, aovs: [] }), pool, signal && { signal }),
      ),
  ]);
  const { frame } = center.built;
  if (asked.withAuxiliaries) checkAuxiliaries(frame);
  const guide = guiding && (await buildFrameOffThread(guiding, undefined, signal)).frame;
  watch.lap('frame');
  // Two at a time: one is decoded while the other is built.
  const neighbors = await pMap(
    planned.neighbors,
    async ({ offset, value }) => ({ offset, value: await loadFrame(value, loading, pool, cached) }),
    { concurrency: 2 },
  );
  const { motions, ...motion } = await windowMotion({ center, neighbors }, cached, signal);
  if (withMotion) watch.lap('window');
  options.onProgress?.(DECODED);
  return {
    window: { center, neighbors, motions },
    ...{ motion, surfaces, lambdaMap, limits, guide, cached },
    covers: mayCover && frame.alpha !== undefined && isTransparent(frame.alpha),
  };
}

async function readSurfaces(
  { source, plan: { lights } }: PlannedSource,
  pool: Pick<ExrPool, 'read'>,
  signal: AbortSignal | undefined,
): Promise<Image> {
  const surfaces = lights.flatMap(({ surface }) => surface ?? []);
  if (surfaces.length === 0) return { parts: [] };
  return pool.read(source, {
    select: (part, { name }) =>
      surfaces.some((surface) => surface.part === part.index && surface.channels.includes(name)),
    ...(signal && { signal }),
  });
}
