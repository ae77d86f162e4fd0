import type { InputWarning, VarianceOrigin } from '../frame.js';
import type { LayerPlan } from './layer-plan.js';
import { NEEDS, type Need } from './render-source.js';
import { SOURCES } from './source-list.js';

/** What a file lacks for a better result, and how to make its renderer write it. */
export interface RecipeStep {
  readonly need: Need;
  readonly how: string;
}

/** What is known of a file after its frame was built. */
export interface Found {
  /** Planned with all layers of light. */
  readonly plan: Pick<LayerPlan, 'source' | 'layers' | 'lights' | 'motionConvention'>;
  readonly varianceOrigin: VarianceOrigin;
  /** A layer that says nothing is as good as none. */
  readonly warnings: readonly Pick<InputWarning, 'code'>[];
}

/** The steps that are left, in the order of what they gain; none where the file has everything. */
export function recipeFor({ plan, varianceOrigin, warnings }: Found): RecipeStep[] {
  const { source, layers, lights, motionConvention } = plan;
  const isMissing = (role: 'albedo' | 'normal'): boolean =>
    layers[role] === undefined || warnings.some(({ code }) => code === `missing-${role}`);
  const needed: Readonly<Record<Need, boolean>> = {
    albedo: isMissing('albedo'),
    normal: isMissing('normal'),
    variance: varianceOrigin === 'estimated',
    motion: layers.motion === undefined || motionConvention === 'unknown',
    lights: lights.length === 0,
  };
  const recipe = SOURCES.find(({ name }) => name === source)?.recipe;
  return recipe === undefined
    ? []
    : NEEDS.filter((need) => needed[need]).map((need) => ({ need, how: recipe[need] }));
}
