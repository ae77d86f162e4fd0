import type { ExrLayout } from '../../exr/layout.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import { recombine } from '../../frame/components.js';
import type { AovPlan, LayerPlan, PlannedLayer } from '../../frame/layers/resolve-layers.js';
import { keepBrightRegions } from '../../image/bright-regions.js';
import { MAX_FLOAT, type Raster } from '../../image/raster.js';
import type { DenoisedLayers } from './components.js';
import { applyCoverage, coverageOf } from './coverage.js';
import { isGrey, limitLight, makeGrey, noisyInSize } from './limit-aovs.js';
import { MAX_HALF } from './warnings.js';

/** No light below zero and no color in grey that is not in the input; sums of layers stay. */
export function limitToInput(
  result: DenoisedLayers,
  { frame, lights }: BuiltFrame,
  planned: readonly AovPlan[],
): void {
  const { color } = result;
  const layersOf = (isGroup: boolean) => {
    const names = planned
      .filter(({ component }) => (component === 'beauty') === isGroup)
      .map(({ name }) => name);
    const denoised = names.map((name) => result.lights.get(name) as Raster);
    return { denoised, noisy: names.map((name) => noisyInSize(lights.get(name) as Raster, color)) };
  };
  if (isGrey([frame.color, ...lights.values()])) {
    for (const layer of [color, ...result.lights.values()]) makeGrey(layer);
  }
  limitLight(color, noisyInSize(frame.color, color), [layersOf(true), layersOf(false)]);
}

/** Makes light fit the alpha that is written, which is returned. */
export function fitToAlpha(
  { color, lights, alpha: filtered }: DenoisedLayers,
  { frame, ...noisy }: BuiltFrame,
  irradiance: readonly string[],
): Raster {
  const coverage = coverageOf(frame.alpha as Raster, filtered as Raster);
  applyCoverage(color, frame.color, frame.alpha as Raster, coverage);
  for (const [name, light] of lights) {
    const before = noisy.lights.get(name) as Raster;
    const { diffuseAlbedo } = frame;
    const isBare = diffuseAlbedo !== undefined && irradiance.includes(name);
    const noisyLight = isBare ? recombine(before, diffuseAlbedo) : before;
    applyCoverage(light, noisyLight, frame.alpha as Raster, coverage);
  }
  return coverage.alpha;
}

export function isInteger(header: ExrLayout, layer: PlannedLayer | undefined): boolean {
  const channels = header.parts[layer?.part ?? 0]?.channels ?? [];
  return channels.some(({ name, type }) => type === 'uint' && layer?.channels.includes(name));
}

/** Writes what is too bright to be filtered back into the colour. */
export function keepBright(
  { color }: DenoisedLayers,
  { frame, bright }: BuiltFrame,
  plan: LayerPlan,
  header: ExrLayout,
): void {
  if (bright.color !== undefined)
    keepBrightRegions(color, bright.color, frame, largestOf(plan.target, header));
}

/** The largest value that the channels of a layer hold. */
export function largestOf({ part, channels }: PlannedLayer, header: ExrLayout): number {
  const type = header.parts[part]?.channels.find(({ name }) => name === channels[0])?.type;
  return type === 'half' ? MAX_HALF : MAX_FLOAT;
}

/** Scale compositing may overshoot, and opacity ends at 1. */
export function limitOpacity({ data }: Raster): void {
  for (let i = 0; i < data.length; i++) data[i] = Math.min(1, Math.max(0, data[i] as number));
}
