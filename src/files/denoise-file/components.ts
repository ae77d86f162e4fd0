import type { Denoiser } from '../../denoise/denoiser.js';
import type { CacheReport, DenoiseReport, DenoiseRequest, DenoiseResult } from '../../denoise/types.js';
import { expected, QuietframeError } from '../../errors.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import { type Component, componentFrame, recombine, rescale } from '../../frame/components.js';
import type { AovPlan } from '../../frame/layers/resolve-layers.js';
import type { Raster } from '../../image/raster.js';
import type { LoadedWindow } from '../window/loaded-window.js';

export interface ComponentsRequest
  extends Omit<DenoiseRequest, 'neighbors' | 'key' | 'auxiliaryKey' | 'irradiance' | 'also' | 'onProgress'> {
  readonly lights: readonly AovPlan[];
  readonly withAlpha: boolean;
  readonly onProgress: (fraction: number) => void;
}

/** What the denoised file is made of. */
export interface DenoisedLayers
  extends Pick<
    DenoiseResult,
    'color' | 'errors' | 'relativeVariance' | 'fireflies' | 'parameters' | 'auxiliaries' | 'debug'
  > {
  /** By name, with the surface's colour. */
  readonly lights: ReadonlyMap<string, Raster>;
  readonly alpha: Raster | undefined;
  readonly report: DenoiseReport;
}

type Pass = (
  component: Component,
  lights: readonly AovPlan[],
  options?: { readonly withAlpha?: boolean; readonly errors?: boolean; readonly auxiliaries?: boolean },
) => Promise<DenoiseResult>;

/**
 * Denoises the beauty as a whole, with layers of light and alpha by the same kernels.
 * @throws QuietframeError as `Denoiser.denoise`.
 */
export async function denoiseBeauty(
  window: LoadedWindow,
  request: ComponentsRequest,
  denoiser: Pick<Denoiser, 'denoise'>,
): Promise<DenoisedLayers> {
  const { lights, withAlpha, errors = false, auxiliaries = false } = request;
  const pass = passes(window, request, 1, denoiser);
  const result = await pass('beauty', lights, { withAlpha, errors, auxiliaries });
  const { also, ...rest } = result;
  return { ...rest, lights: named(lights, also), alpha: also[lights.length] };
}

/**
 * Denoises irradiance, albedo and specular, each with kernels of its own, and joins them: irradiance x albedo + specular.
 *
 * Layers of irradiance and lobes are filtered with the kernels of their component, and irradiance gets the denoised albedo:
 * what adds up to the beauty adds up to the denoised beauty. What holds light of all components (light groups) is filtered
 * with the kernels of the beauty, in a pass of its own, and scaled by the quotient of the two denoised beauties, which keeps
 * the sum, too. Alpha and predicted errors come from that pass. Fireflies
 * are those of any pass; all have the same guides.
 * @throws QuietframeError as `Denoiser.denoise`; `missing-layer` where a frame has no split.
 */
export async function denoiseSplit(
  window: LoadedWindow,
  request: ComponentsRequest,
  denoiser: Pick<Denoiser, 'denoise'>,
): Promise<DenoisedLayers> {
  const { lights, withAlpha, errors = false, auxiliaries = false } = request;
  const [diffuse, lobes, groups] = (['irradiance', 'specular', 'beauty'] as const).map((component) =>
    lights.filter((light) => light.component === component),
  ) as [AovPlan[], AovPlan[], AovPlan[]];
  const withBeauty = groups.length > 0 || withAlpha || errors;
  const pass = passes(window, request, withBeauty ? 4 : 3, denoiser);
  const irradiance = await pass('irradiance', diffuse, { auxiliaries });
  const albedo = await pass('albedo', []);
  const specular = await pass('specular', lobes);
  const beauty = withBeauty ? await pass('beauty', groups, { withAlpha, errors }) : undefined;

  const color = recombine(irradiance.color, albedo.color, specular.color);
  const parts: [string, Raster][] = [
    ...[...named(diffuse, irradiance.also)].map(([name, light]): [string, Raster] => [
      name,
      recombine(light, albedo.color),
    ]),
    ...named(lobes, specular.also),
    ...[...named(groups, beauty?.also ?? [])].map(([name, light]): [string, Raster] => [
      name,
      rescale(light, beauty?.color ?? color, color),
    ]),
  ];
  const results = [irradiance, albedo, specular, ...(beauty ? [beauty] : [])];
  const reports = results.map(({ report }) => report);
  const fireflies = [...new Set(results.flatMap((result) => result.fireflies ?? []))].sort((a, b) => a - b);
  return {
    color,
    lights: new Map(parts),
    alpha: beauty?.also[groups.length],
    ...(beauty?.errors && { errors: beauty.errors }),
    ...(beauty?.relativeVariance && { relativeVariance: beauty.relativeVariance }),
    fireflies,
    ...(irradiance.auxiliaries && { auxiliaries: irradiance.auxiliaries }),
    report: {
      ...joined(reports as [DenoiseReport, ...DenoiseReport[]]),
      fireflies: fireflies.length,
      ...(beauty?.report.predictedError && { predictedError: beauty.report.predictedError }),
    },
  };
}

/** Passes of the denoiser over the components of a window; each is an equal part of the progress. */
function passes(
  { center: { built, key }, neighbors, motions }: LoadedWindow,
  { lights: _, withAlpha: __, errors: ___, auxiliaries: ____, onProgress, ...request }: ComponentsRequest,
  count: number,
  denoiser: Pick<Denoiser, 'denoise'>,
): Pass {
  let done = 0;
  return async (component, lights, { withAlpha = false, errors = false, auxiliaries = false } = {}) => {
    const also = (of: BuiltFrame): Raster[] => [
      ...lights.map(({ name }) => lightOf(of, name)),
      ...(withAlpha && of.frame.alpha ? [of.frame.alpha] : []),
    ];
    // Estimates of frames hold planes of alpha or do not.
    const keyOf = (frame: string): string => `${frame} ${component}${withAlpha ? ' alpha' : ''}`;
    const result = await denoiser.denoise(componentFrame(built.frame, component), {
      ...request,
      ...(component === 'irradiance' && { irradiance: true }),
      key: keyOf(key),
      auxiliaryKey: key,
      also: also(built),
      errors,
      auxiliaries,
      neighbors: neighbors.map(({ offset, value }) => ({
        offset,
        frame: componentFrame(value.built.frame, component),
        also: also(value.built),
        motion: motions.get(offset) as Raster,
        key: keyOf(value.key),
        ...(component !== 'beauty' && { auxiliaryKey: value.key }),
      })),
      onProgress: (fraction) => onProgress((done + fraction) / count),
    });
    done++;
    return result;
  };
}

function lightOf({ lights }: BuiltFrame, name: string): Raster {
  const light = lights.get(name);
  if (light !== undefined) return light;
  const message = expected(`the layer ${name}`, 'a frame of the window', 'none');
  throw new QuietframeError('mismatched-frames', message, { layer: name });
}

function named(lights: readonly AovPlan[], rasters: readonly Raster[]): Map<string, Raster> {
  return new Map(lights.map(({ name }, i) => [name, rasters[i] as Raster]));
}

/** One report of several passes, with what differs from pass to pass added up. */
function joined(reports: readonly [DenoiseReport, ...DenoiseReport[]]): DenoiseReport {
  const sum = (value: (report: DenoiseReport) => number): number =>
    reports.reduce((total, report) => total + value(report), 0);
  const stages: Record<string, number> = {};
  for (const report of reports) {
    for (const [stage, seconds] of Object.entries(report.stages)) {
      stages[stage] = (stages[stage] ?? 0) + seconds;
    }
  }
  const { predictedError: _, ...first } = reports[0];
  const features = reports.flatMap((report) => report.features ?? []);
  return {
    ...first,
    windowUsed: Math.min(...reports.map((report) => report.windowUsed)),
    tiles: sum((report) => report.tiles),
    seconds: sum((report) => report.seconds),
    stages,
    ...(features.length > 0 && { features: total(features) }),
  };
}

function total(caches: readonly CacheReport[]): CacheReport {
  const sum = (name: 'hits' | 'misses'): number => caches.reduce((all, cache) => all + cache[name], 0);
  return { hits: sum('hits'), misses: sum('misses'), bytes: caches.at(-1)?.bytes ?? 0 };
}
