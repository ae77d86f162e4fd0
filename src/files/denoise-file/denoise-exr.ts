import { withFrameName } from '../../errors.js';
import { resolveViews } from '../../frame/layers/resolve-layers.js';
import { type OpenedFiles, openFiles } from '../window/open-files.js';
import { checkRequest, reachOf } from './check-request.js';
import { denoiseLoaded } from './denoise-loaded.js';
import { denoiseViews } from './denoise-views.js';
import { finishLayers } from './finish-layers.js';
import { fullReport } from './full-report.js';
import { loadFiles } from './load-files.js';
import { makeChannels } from './make-channels.js';
import { planFiles } from './plan-files.js';
import { Stopwatch } from './stopwatch.js';
import type { DenoisedExr, DenoiseExrOptions, DenoiseExrRequest, DenoiseExrServices } from './types.js';
import type { ViewOutput, ViewTask } from './view-task.js';
import { noisyOf, writeResult } from './write-result.js';

/**
 * Denoises an OpenEXR file: the colour's channels (and those of alpha and of layers of light, if asked) are replaced, with
 * their sample types kept, and attributes with the prefix `quietframe:` tell how. All other channels, parts and attributes
 * stay bit for bit.
 *
 * Layers of light that make up the beauty make up the denoised beauty, for the kernels are the same. Those that the
 * renderer stores without the surface's colour are filtered with it, and divided by that of `exr` again.
 *
 * Where Blender has written both `Noisy Image` and a denoised `Combined`, the former is read and the latter replaced.
 * @throws QuietframeError as `readPlanned`, `buildFrame`, `Denoiser.denoise` and `ExrPool.replace`; `cancelled`.
 */
export async function denoiseExr(
  request: DenoiseExrRequest,
  services: DenoiseExrServices,
): Promise<DenoisedExr> {
  const { pool, denoiser } = services;
  return denoiseFiles(await openFiles(request, reachOf(request, denoiser), pool), request, services);
}

/**
 * As {@link denoiseExr}, of files whose headers were read before.
 * @throws QuietframeError as that.
 */
export async function denoiseFiles(
  files: OpenedFiles,
  options: DenoiseExrOptions,
  services: DenoiseExrServices,
): Promise<DenoisedExr> {
  const { original } = files;
  const { view = '' } = options;
  const output = { onto: original, view };
  if (view !== 'all') return denoiseView(files, options, services, output);
  const views = await withFrameName(original.name, () => resolveViews(original.header.parts, options));
  if (views.length < 2) return denoiseView(files, options, services, output);
  return denoiseViews(options, views, ({ onto = original, ...pass }) =>
    denoiseView(files, { ...options, ...pass }, services, { onto, view }),
  );
}

async function denoiseView(
  files: OpenedFiles,
  options: DenoiseExrOptions,
  services: DenoiseExrServices,
  output: ViewOutput,
): Promise<DenoisedExr> {
  const asked = checkRequest(options, files);
  const task: ViewTask = { files, options, asked, services, watch: new Stopwatch(), output };
  const planned = await planFiles(task);
  const loaded = await loadFiles(task, planned);
  const denoised = await denoiseLoaded(task, planned, loaded);
  const finished = finishLayers(task, planned, loaded, denoised);
  const maps = await makeChannels(task, planned, loaded, denoised);
  const exr = await writeResult(task, planned, loaded, denoised, finished, maps);
  const report = await fullReport(task, planned, loaded, denoised, finished, maps);
  return { exr, color: finished.color, noisy: noisyOf(task, loaded), report };
}
