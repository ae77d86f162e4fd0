import type { Pixel } from '../../denoise/kpcn/debug-outputs.js';
import type { PredictedError } from '../../denoise/types.js';
import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import type { Frame, VarianceOrigin } from '../../frame/frame.js';
import type { SampleType } from '../../image/image.js';
import { plane, type Raster } from '../../image/raster.js';
import {
  ALLOCATION_DEFAULTS,
  checkAllocation,
  MAX_SPP,
  totalSamples,
} from '../../sampling/allocate-samples.js';
import type { ErrorMap } from '../../sampling/error-map.js';
import { GUIDING_METRICS, WEIGHTINGS } from '../../sampling/error-metric.js';
import { measuredNoise } from '../../sampling/measured-noise.js';
import type { SamplePlan, SamplePlanOptions } from '../../sampling/plan-samples.js';
import { checkTarget, samplesForTarget } from '../../sampling/quality-target.js';
import { loopSpp } from '../../sampling/sampling-loop.js';
import type { FullReport } from '../report.js';
import { runOffThread } from '../run-off-thread.js';
import { type BudgetRequest, checkLoop, sampleBudget } from './sample-budget.js';
import type { LimitLayers, SampleLimits } from './sample-limits.js';

/** For those who take requests. */
export { GUIDING_METRICS, MAX_SPP, WEIGHTINGS };

/** What of a denoised frame a file gets. */
export const OUTPUTS = [
  'color',
  'error',
  'samples',
  'fireflies',
  'parameters',
  'auxiliaries',
  'levels',
  'blend-weights',
  'window-shares',
  'gate',
  'kernels',
] as const;
export type Output = (typeof OUTPUTS)[number];

/** How the error map and the sample map are made. */
export interface MapsRequest
  extends Partial<Omit<SamplePlanOptions, 'budgetSpp' | keyof SampleLimits>>,
    BudgetRequest,
    LimitLayers {
  /** What is written; `color` alone by default, which predicts nothing. */
  readonly outputs?: readonly Output[];
  /** Mean SMAPE at which the picture is good enough; the report tells what is left until then. */
  readonly targetSmape?: number;
  /** Pixels whose kernels the report has, from the upper left of the data window; with the output `kernels`. */
  readonly pixels?: readonly Pixel[];
}

/** What the report says about maps. */
export type MapsReport = Pick<FullReport, 'predictedError' | 'samples' | 'target' | 'loop'>;
type SamplesReport = NonNullable<MapsReport['samples']>;

/** A channel of a map with its samples. */
export interface MapChannel {
  readonly name: string;
  readonly type: SampleType;
  readonly data: Float32Array | Uint32Array;
}

export interface Maps {
  readonly channels: readonly MapChannel[];
  readonly report: MapsReport;
}

/** Whether the request needs predicted errors. */
export function needsErrors({ outputs = ['color'], targetSmape }: MapsRequest): boolean {
  return targetSmape !== undefined || outputs.some((output) => output === 'error' || output === 'samples');
}

/**
 * Checks what can be checked before the work.
 * @throws QuietframeError `invalid-argument`.
 */
export function checkMaps({
  outputs = ['color'],
  budgetSpp,
  targetSmape,
  pixels,
  loop,
  ...options
}: MapsRequest): void {
  if (outputs.includes('kernels') && pixels === undefined)
    throw invalidArgument('x,y of pixels', 'pixels', 'none');
  if (targetSmape !== undefined) checkTarget(targetSmape);
  if (budgetSpp !== undefined && !(budgetSpp > 0))
    throw invalidArgument('a number above 0', 'budget', budgetSpp);
  if (!outputs.includes('samples')) return;
  if (loop !== undefined) {
    checkLoop(loop, { ...options, ...(budgetSpp !== undefined && { budgetSpp }) });
  } else if (budgetSpp === undefined && targetSmape === undefined) {
    throw invalidArgument('samples per pixel (or a target-smape in its place)', 'budget', 'none');
  }
  const { minSpp } = { ...ALLOCATION_DEFAULTS, ...options };
  checkAllocation({ ...ALLOCATION_DEFAULTS, ...options, budgetSpp: budgetSpp ?? minSpp });
}

/** What maps are made of. */
export interface MapsInput {
  /** Of the denoised frame, as its result has them. */
  readonly errors: ErrorMap;
  readonly relativeVariance: Raster;
  /** Its color, 3 channels. */
  readonly denoised: Raster;
  readonly predictedError: PredictedError;
  readonly frame: Frame;
  /** As the denoiser used it. */
  readonly exposure: number;
  /** Samples per pixel that the file says it has. */
  readonly spp: number | undefined;
  /** Of every pixel, where the request names layers. */
  readonly limits: SampleLimits;
}

/**
 * The maps of a denoised frame: channels `error.SMAPE`, `error.DSSIM`, `samples.density` (mean 1) and `samples.spp`.
 * @throws QuietframeError as `sampleBudget`; `cancelled`.
 */
export async function makeMaps(
  { errors, relativeVariance, denoised, predictedError, frame, exposure, spp, limits }: MapsInput,
  request: MapsRequest,
  signal: AbortSignal | undefined,
): Promise<Maps> {
  const {
    outputs = ['color'],
    targetSmape,
    loop,
    renderedSpp = loop === undefined ? spp : loopSpp(loop),
    pixels: _,
    minLayer,
    maxLayer,
    ...options
  } = request;
  const target =
    targetSmape === undefined
      ? undefined
      : samplesForTarget(predictedError.smape, targetSmape, predictedError.decay, renderedSpp);
  const report = { predictedError, ...(target && { target }) };
  const channels: MapChannel[] = [];
  if (outputs.includes('error')) {
    channels.push(
      { name: 'error.SMAPE', type: 'float', data: errors.smape.data },
      { name: 'error.DSSIM', type: 'float', data: errors.dssim.data },
    );
  }
  if (!outputs.includes('samples')) return { channels, report };
  const budget = sampleBudget(request, target, limits, errors.smape);
  const { budgetSpp } = budget;
  const limited = budget.ended ? ALLOCATION_DEFAULTS : limits;
  const { color, measuredVariance, varianceOrigin } = frame;
  const noise = measuredVariance && measuredNoise(color, measuredVariance, exposure);
  const plan = await runOffThread(
    'plan-samples',
    {
      inputs: {
        ...{ errors, relativeVariance },
        ...(noise && { noise }),
        ...(options.metric === 'relative-mse' && { denoised }),
      },
      options: { ...options, ...limited, budgetSpp },
    },
    signal,
  );
  channels.push(
    { name: 'samples.density', type: 'float', data: plan.density.data },
    { name: 'samples.spp', type: 'uint', data: plan.samples },
  );
  const origin = noise === undefined ? varianceOrigin : 'layer';
  const samples = samplesReport(plan, budgetSpp, origin, options);
  return { channels, report: { ...report, samples, ...(budget.loop && { loop: budget.loop }) } };
}

/**
 * The mask of fireflies as a channel: 1 where a pixel was dimmed before filtering, 0 elsewhere.
 * @param fireflies indices of pixels; undefined from models that do not look for any.
 * @throws QuietframeError `not-implemented` where they were not looked for.
 */
export function fireflyMask(fireflies: readonly number[] | undefined, pixels: number): MapChannel {
  if (fireflies === undefined) {
    const message = expected('a model of kernels', 'the model of outputs=fireflies', 'one of filters');
    throw new QuietframeError('not-implemented', message, { parameter: 'outputs' });
  }
  const data = new Float32Array(pixels);
  for (const index of fireflies) data[index] = 1;
  return { name: 'fireflies.mask', type: 'float', data };
}

/**
 * Albedo and normals as they guided the model: channels `quietframe.albedo.R` to `B` and `quietframe.normal.X` to `Z`, of
 * those that the frame has.
 */
export function auxiliaryChannels({ albedo, normal }: Pick<Frame, 'albedo' | 'normal'>): MapChannel[] {
  const channels = (name: string, layer: Raster | undefined, letters: readonly string[]): MapChannel[] =>
    layer === undefined
      ? []
      : letters.map((letter, c) => ({
          ...{ name: `quietframe.${name}.${letter}`, type: 'float', data: plane(layer, c) },
        }));
  return [...channels('albedo', albedo, ['R', 'G', 'B']), ...channels('normal', normal, ['X', 'Y', 'Z'])];
}

/** @throws QuietframeError `missing-layer` where a frame has neither albedo nor normals to answer with. */
export function checkAuxiliaries({ albedo, normal }: Pick<Frame, 'albedo' | 'normal'>): void {
  if ((albedo ?? normal) !== undefined) return;
  const message = expected('an albedo or normals', 'the frame of outputs=auxiliaries', 'neither');
  throw new QuietframeError('missing-layer', message, { layer: 'albedo' });
}

function samplesReport(
  { samples }: SamplePlan,
  budgetSpp: number,
  varianceOrigin: VarianceOrigin,
  { metric = 'smape', weighting = 'reducible' }: MapsRequest,
): SamplesReport {
  return {
    ...{ metric, weighting, varianceOrigin, budgetSpp, total: totalSamples(budgetSpp, samples.length) },
    leastSpp: samples.reduce((least, count) => Math.min(least, count), Number.POSITIVE_INFINITY),
    mostSpp: samples.reduce((most, count) => Math.max(most, count), 0),
  };
}
