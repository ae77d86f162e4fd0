import { withFrameName } from '../../errors.js';
import type { ExrSource } from '../../exr/source.js';
import { type FrameWindow, withinReach } from '../../frame/frame-window.js';
import { checkFit, checkWindow } from '../window/check-fit.js';
import { type FrameParts, type PlannedSource, planSource } from '../window/planned-source.js';
import { checkTypes, reachOf } from './check-request.js';
import { isInteger } from './limits.js';
import type { ViewTask } from './view-task.js';

/** The files of a request, each with the layers that are read of it. */
export interface PlannedFiles {
  /** The file that the result is a copy of: its plan says where the result goes. */
  readonly original: PlannedSource;
  /** What the frames are read from, as far as the model uses them. */
  readonly window: FrameWindow<FrameParts<PlannedSource>>;
  /** Names of the layers of light. */
  readonly aovs: readonly string[];
  /** Irradiance, albedo and specular are denoised on their own. */
  readonly withSplit: boolean;
  /** Light is made to fit alpha, where that says anything. */
  readonly mayCover: boolean;
  /** Alpha is read. */
  readonly withAlpha: boolean;
}

/**
 * Finds the layers of every file, once each, and holds the files against each other.
 * @throws QuietframeError as `resolveLayers` and `checkFit`, naming the file; `unsupported-exr` where integers would have to
 * hold a result.
 */
export async function planFiles({ files, options, asked, services }: ViewTask): Promise<PlannedFiles> {
  const { alpha: alphaMode = 'auto', components } = options;
  const { original: source } = files;
  const original = await withFrameName(source.name, () => {
    const planned = planSource(source, options);
    checkTypes(source.header, planned.plan, alphaMode === 'denoise');
    return planned;
  });
  const { plan } = original;
  const aovs = plan.lights.map(({ name }) => name);
  const planOf = (file: ExrSource): Promise<PlannedSource> =>
    withFrameName(file.name, () =>
      file.bytes === source.bytes ? { source: file, plan } : planSource(file, { ...options, aovs }),
    );
  const window = withinReach(files.window, reachOf(options, services.denoiser));
  const { main: mainSource, half: halfSource } = window.center;
  const [main, half] = await Promise.all([planOf(mainSource), halfSource && planOf(halfSource)]);
  checkWindow(main.plan, plan, mainSource.name);
  if (half !== undefined) checkWindow(half.plan, plan, half.source.name);
  const halves = half === undefined ? [main] : [main, half];
  const withSplit =
    components === 'split' && halves.every((each) => each.plan.layers.diffuseColor !== undefined);
  const neighbors = await Promise.all(
    window.neighbors.map(async ({ offset, value }) => ({
      offset,
      value: { main: await planOf(value.main) },
    })),
  );
  const fit = { withAlpha: alphaMode === 'denoise', withSplit, halves: half !== undefined };
  for (const { value } of neighbors) checkFit(value.main.plan, main.plan, value.main.source.name, fit);
  const all = [original, ...halves, ...neighbors.map(({ value }) => value.main)];
  const mayCover =
    alphaMode === 'auto' &&
    asked.withColor &&
    !isInteger(source.header, plan.alpha?.target) &&
    all.every((each) => each.plan.alpha !== undefined);
  return {
    original,
    window: { center: { main, ...(half && { half }) }, neighbors },
    ...{ aovs, withSplit, mayCover, withAlpha: alphaMode === 'denoise' || mayCover },
  };
}
