import type { DebugRequest } from '../../denoise/kpcn/debug-outputs.js';
import { QuietframeError } from '../../errors.js';
import { looksLikePanorama } from '../../frame/panorama.js';
import { alignGuides } from '../window/align-guides.js';
import type { LoadedWindow } from '../window/loaded-window.js';
import { type DenoisedLayers, denoiseBeauty, denoiseSplit } from './components.js';
import { debugRequest } from './debug-channels.js';
import { DECODED, type LoadedFiles } from './load-files.js';
import type { PlannedFiles } from './plan-files.js';
import type { ViewTask } from './view-task.js';
import { unwrapLayers, wrapRaster, wrapReach, wrapRegion, wrapWindow } from './wrap.js';

/** Share of the progress at the end of denoising. */
const DENOISED = 0.95;

/** What the network has made of a window. */
export interface DenoisedWindow {
  readonly layers: DenoisedLayers;
  /** Whether the left border continued at the right one. */
  readonly isWrapped: boolean;
  /** It may be a panorama, and was denoised as none. */
  readonly isMaybePanorama: boolean;
  /** What was asked for of the network's work, and by how many columns its places are to the right of those in the file. */
  readonly debug: DebugRequest | undefined;
  readonly columns: number;
}

/**
 * Denoises the center of a window, or its components, with the layers of light and alpha.
 * @throws QuietframeError as `Denoiser.denoise`; `cancelled`.
 */
export async function denoiseLoaded(
  { options, asked, services: { denoiser }, watch }: ViewTask,
  { original: { plan }, withSplit }: PlannedFiles,
  { window, lambdaMap, guide, covers }: LoadedFiles,
): Promise<DenoisedWindow> {
  const { wrap = 'auto', region, finish, partial, signal, onProgress = () => {} } = options;
  const { frame } = window.center.built;
  const panorama = wrap === 'auto' && asked.mayWrap ? looksLikePanorama(frame) : 'no';
  const isWrapped = wrap === 'x' || panorama === 'yes';
  const columns = isWrapped ? wrapReach(frame.width) : 0;
  const aligned: LoadedWindow = {
    ...window,
    neighbors: window.neighbors.map(({ offset, value }) => ({ offset, value: alignGuides(frame, value) })),
  };
  const lambda = lambdaMap && isWrapped ? wrapRaster(lambdaMap, columns) : (lambdaMap ?? options.lambda);
  const debug = debugRequest(options.maps ?? {}, columns);
  const denoise = withSplit ? denoiseSplit : denoiseBeauty;
  // Components are no pictures of their own, and copies of frames that wrap have other places.
  const isSameSize = partial?.width === frame.width && partial.height === frame.height;
  const showsWork = isSameSize && !isWrapped && !withSplit && finish === undefined;
  const denoised = await denoise(
    isWrapped ? wrapWindow(aligned, columns) : aligned,
    {
      ...(options.model !== undefined && { model: options.model }),
      ...(options.encoder !== undefined && { encoder: options.encoder }),
      ...(options.prefilter !== undefined && { prefilter: options.prefilter }),
      ...(options.strength !== undefined && { strength: options.strength }),
      ...(lambda !== undefined && { lambda }),
      ...(debug && { debug }),
      ...(signal && { signal }),
      ...(region && { region: wrapRegion(region, columns) }),
      ...(partial && showsWork && { partial }),
      ...(finish !== undefined && { finish: { ...finish, ...(guide && { guide }) } }),
      auxiliaries: asked.withAuxiliaries,
      parameters: asked.withParameters,
      errors: asked.withErrors,
      lights: plan.lights,
      withAlpha: options.alpha === 'denoise' || covers,
      onProgress: (fraction) => onProgress(DECODED + (DENOISED - DECODED) * fraction),
    },
    denoiser,
  );
  const layers = isWrapped ? unwrapLayers(denoised, columns) : denoised;
  watch.lap('denoise');
  if (signal?.aborted) throw new QuietframeError('cancelled', 'The work on a frame was cancelled');
  return { layers, isWrapped, isMaybePanorama: panorama === 'maybe', debug, columns };
}
