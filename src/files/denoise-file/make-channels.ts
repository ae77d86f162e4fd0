import { parameterChannels } from '../../denoise/pkn/parameter-channels.js';
import { debugChannels } from './debug-channels.js';
import type { DenoisedWindow } from './denoise-loaded.js';
import type { LoadedFiles } from './load-files.js';
import { auxiliaryChannels, fireflyMask, type Maps, makeMaps } from './maps.js';
import type { PlannedFiles } from './plan-files.js';
import type { ViewTask } from './view-task.js';

/**
 * All channels that the result has beside those of the original file, and the figures of those that are maps: predicted errors,
 * samples to come, fireflies, parameters, clean guides, and what the network made on the way.
 * @throws QuietframeError as `makeMaps`; `not-implemented` for fireflies of a model that does not look for any.
 */
export async function makeChannels(
  task: ViewTask,
  planned: PlannedFiles,
  loaded: LoadedFiles,
  denoised: DenoisedWindow,
): Promise<Maps> {
  const { asked } = task;
  const { color, parameters = [], fireflies, auxiliaries = {}, debug } = denoised.layers;
  const { width, height } = loaded.window.center.built.frame;
  const maps = await errorMaps(task, planned, loaded, denoised);
  const channels = [
    ...maps.channels,
    ...(asked.withFireflies ? [fireflyMask(fireflies, width * height)] : []),
    ...(asked.withParameters ? parameterChannels(parameters, color.width, color.height, asked.factor) : []),
    ...auxiliaryChannels(auxiliaries),
    ...(debug ? debugChannels(debug) : []),
  ];
  return { channels, report: maps.report };
}

/** The maps of predicted errors and of samples; nothing where no errors were predicted. */
async function errorMaps(
  { options: { maps = {}, signal } }: ViewTask,
  { original: { plan } }: PlannedFiles,
  { window, limits }: LoadedFiles,
  { layers: { color, errors, relativeVariance, report } }: DenoisedWindow,
): Promise<Maps> {
  const { predictedError, exposure } = report;
  if (errors === undefined || relativeVariance === undefined || predictedError === undefined) {
    return { channels: [], report: {} };
  }
  const { frame } = window.center.built;
  return makeMaps(
    {
      ...{ errors, relativeVariance, denoised: color, predictedError, frame, exposure, limits },
      spp: plan.samplesPerPixel,
    },
    maps,
    signal,
  );
}
