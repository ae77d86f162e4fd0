import { ownParts } from '../../image/joined-parts.js';
import type { FullReport } from '../report.js';
import { kernelsReport } from './debug-channels.js';
import type { DenoisedWindow } from './denoise-loaded.js';
import type { FinishedLayers } from './finish-layers.js';
import type { LoadedFiles } from './load-files.js';
import type { Maps } from './maps.js';
import type { PlannedFiles } from './plan-files.js';
import type { ViewTask } from './view-task.js';
import { alreadyDenoised, saturated, unknownFireflies, unpredicted, unused, warningsOf } from './warnings.js';
import { maybePanorama } from './wrap.js';

/** Everything that happened. Frames that were decoded for the request stay in the cache from now on. */
export async function fullReport(
  task: ViewTask,
  planned: PlannedFiles,
  loaded: LoadedFiles,
  denoised: DenoisedWindow,
  finished: FinishedLayers,
  maps: Maps,
): Promise<FullReport> {
  const { files, watch } = task;
  const { source, plan } = planned.original;
  const { window, motion, cached } = loaded;
  const { layers, debug, columns } = denoised;
  const { frame, sanitized } = window.center.built;
  const lambdaMap = await files.lambdaMap?.sha256();
  const { decode, frame: framing, window: around, encode } = watch.laps;
  const { view, samplesPerPixel } = plan;
  return {
    ...layers.report,
    ...maps.report,
    ...(debug?.pixels && layers.debug && { kernels: kernelsReport(layers.debug, columns) }),
    seconds: watch.total(),
    input: {
      width: frame.width,
      height: frame.height,
      parts: ownParts(source.header.parts).length,
      source: plan.source,
      ...(view !== undefined && { view }),
      ...(samplesPerPixel !== undefined && { samplesPerPixel }),
      halfBuffers: planned.window.center.half !== undefined,
      neighbors: files.offsets.toSorted((a, b) => a - b),
      channels: plan.uses,
    },
    varianceOrigin: frame.varianceOrigin,
    components: planned.withSplit ? 'split' : 'beauty',
    wrap: denoised.isWrapped ? 'x' : 'none',
    ...(lambdaMap !== undefined && { lambdaMap }),
    motion: motion.origin,
    decoded: cached.succeed(),
    aovs: planned.aovs,
    sanitized,
    warnings: allWarnings(task, planned, loaded, denoised, finished),
    stages: {
      ...{ decode: decode ?? 0, frame: framing ?? 0 },
      ...(around !== undefined && { window: around }),
      ...layers.report.stages,
      encode: encode ?? 0,
    },
  };
}

/** Warnings about the files of a request, its frames, and what it asks for. */
function allWarnings(
  { files, options, asked }: ViewTask,
  { original: { source, plan }, withSplit }: PlannedFiles,
  { window, motion }: LoadedFiles,
  { isMaybePanorama }: DenoisedWindow,
  { written }: FinishedLayers,
): FullReport['warnings'] {
  const { frame, warnings } = window.center.built;
  return [
    ...plan.warnings,
    ...warnings,
    ...window.neighbors.flatMap(({ value }) => warningsOf(value.name, value.built, warnings)),
    ...motion.warnings,
    ...unused(files, options, withSplit),
    ...unpredicted(files, options),
    ...(asked.withFireflies && frame.varianceOrigin === 'estimated' ? [unknownFireflies()] : []),
    ...(isMaybePanorama ? [maybePanorama()] : []),
    ...alreadyDenoised(source.header, plan),
    ...saturated(source.header, written),
  ];
}
