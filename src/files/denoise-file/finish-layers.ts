import { rasterOf } from '../../frame/planned-image.js';
import { withoutSurface } from '../../frame/surface.js';
import { keepBrightRegions } from '../../image/bright-regions.js';
import type { Raster } from '../../image/raster.js';
import { crop } from '../../image/region.js';
import type { DenoisedWindow } from './denoise-loaded.js';
import { fitToAlpha, keepBright, largestOf, limitOpacity, limitToInput } from './limits.js';
import type { LoadedFiles } from './load-files.js';
import type { PlannedFiles } from './plan-files.js';
import type { ViewTask } from './view-task.js';
import type { Written } from './warnings.js';

/** The layers of a result. */
export interface FinishedLayers {
  /** The denoised colour, of the region where one was asked for. */
  readonly color: Raster;
  /** What replaces channels of the original file. */
  readonly written: readonly Written[];
}

/**
 * Makes denoised layers fit for the file: within the limits of the input, light that fits alpha, bright regions as they were,
 * and light without the surface's colour where the file stores it so. Works in place.
 */
export function finishLayers(
  { options: { region }, asked }: ViewTask,
  { original: { source, plan }, withSplit }: PlannedFiles,
  { window, surfaces, covers }: LoadedFiles,
  { layers }: DenoisedWindow,
): FinishedLayers {
  const { built } = window.center;
  const { header } = source;
  limitToInput(layers, built, plan.lights);
  const irradiance = plan.lights.filter(({ component }) => withSplit && component === 'irradiance');
  const names = irradiance.map(({ name }) => name);
  const alpha = covers && asked.factor === 1 ? fitToAlpha(layers, built, names) : layers.alpha;
  keepBright(layers, built, plan, header);
  // A region is a file of the colour alone.
  if (region !== undefined) return { color: crop(layers.color, region), written: [] };
  const written: Written[] = asked.withColor ? [{ layer: plan.target, samples: layers.color }] : [];
  for (const { name, layer, surface } of plan.lights) {
    const light = layers.lights.get(name) as Raster;
    const color = rasterOf(surfaces, surface);
    const samples = color === undefined ? light : withoutSurface(light, color);
    const bright = built.bright.lights.get(name);
    if (bright !== undefined) keepBrightRegions(samples, bright, built.frame, largestOf(layer, header));
    written.push({ layer, samples });
  }
  if (alpha !== undefined && plan.alpha !== undefined) {
    limitOpacity(alpha);
    written.push({ layer: plan.alpha.target, samples: alpha });
  }
  return { color: layers.color, written };
}
