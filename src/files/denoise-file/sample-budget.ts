import { invalidArgument } from '../../errors.js';
import { ALLOCATION_DEFAULTS, type AllocationOptions } from '../../sampling/allocate-samples.js';
import type { QualityTarget } from '../../sampling/quality-target.js';
import {
  type LoopStart,
  type LoopState,
  type LoopStep,
  loopSpp,
  loopStep,
} from '../../sampling/sampling-loop.js';
import type { SampleLimits } from './sample-limits.js';

/** What a request says about the samples to plan. */
export interface BudgetRequest {
  /** Mean samples per pixel to plan; where it is not given, as many as the target is predicted to take. */
  readonly budgetSpp?: number;
  /** In place of a budget: where the loop of an adaptive render stands, which plans its next round. */
  readonly loop?: LoopStart | LoopState;
  /** Mean samples per pixel that the frame has; what its attributes say where it is not given. */
  readonly renderedSpp?: number;
}

/** Limits of all pixels. */
type PixelLimits = Partial<Pick<AllocationOptions, 'minSpp' | 'maxSpp'>>;

/** Where the loop of an adaptive render stands. */
interface LoopReport extends LoopStep {
  /** Nothing is to be added: the budget is spent, or the target is reached. */
  readonly done: boolean;
  readonly reason?: 'budget' | 'target';
}

/** The samples that a map plans. */
export interface SampleBudget {
  readonly budgetSpp: number;
  /** Limits of pixels do not hold: a loop that has ended adds nothing. */
  readonly ended: boolean;
  readonly loop?: LoopReport;
}

/**
 * Checks what a loop says against the rest of a request. Whether it fits the frame is known later.
 * @throws QuietframeError `invalid-argument`.
 */
export function checkLoop(loop: LoopStart | LoopState, { budgetSpp, renderedSpp }: BudgetRequest): void {
  if (budgetSpp !== undefined) throw invalidArgument('none beside a loop', 'budget', budgetSpp);
  const spp = loopSpp(loop);
  if (renderedSpp === undefined || Math.abs(renderedSpp - spp) <= 1e-3 * spp) return;
  throw invalidArgument(`the ${spp} of the loop`, 'spp', renderedSpp);
}

/**
 * The budget of a map: of the request, of the next round of its loop, or the samples that a target takes.
 * @throws QuietframeError `invalid-argument` where the budget is left to a target that says none, and as `loopStep`.
 */
export function sampleBudget(
  request: BudgetRequest & PixelLimits,
  target: QualityTarget | undefined,
  limits: SampleLimits,
  { width, height }: { readonly width: number; readonly height: number },
): SampleBudget {
  const { loop, budgetSpp } = request;
  if (loop === undefined) {
    return { budgetSpp: budgetSpp ?? budgetOfTarget(target, request, limits), ended: false };
  }
  const step = loopStep(loop, width, height);
  if (step.addSamples > 0 && target?.reached !== true) {
    return { budgetSpp: step.addSamples / (width * height), ended: false, loop: { ...step, done: false } };
  }
  const { state: _, ...last } = step;
  const reason = target?.reached === true ? 'target' : 'budget';
  return { budgetSpp: 0, ended: true, loop: { ...last, addSamples: 0, done: true, reason } };
}

/** The samples that a target takes, within the limits of the pixels. */
function budgetOfTarget(
  target: QualityTarget | undefined,
  { minSpp = ALLOCATION_DEFAULTS.minSpp, maxSpp = ALLOCATION_DEFAULTS.maxSpp }: PixelLimits,
  { minSamples, maxSamples }: SampleLimits,
): number {
  if (target?.sampleFactor === null) {
    throw invalidArgument('a target in reach, or a budget,', 'target-smape', target.targetSmape);
  }
  if (target === undefined || target.additionalSpp === null) {
    throw invalidArgument('samples per pixel of the frame with a target-smape and no budget', 'spp', 'none');
  }
  const mean = (limits: Uint32Array, limit: (samples: number) => number): number =>
    limits.reduce((sum, samples) => sum + limit(samples), 0) / limits.length;
  const least = minSamples ? mean(minSamples, (samples) => Math.max(samples, minSpp)) : minSpp;
  const most = maxSamples ? mean(maxSamples, (samples) => Math.min(samples, maxSpp)) : maxSpp;
  return target.reached ? least : Math.min(Math.max(target.additionalSpp, least), most);
}
