import { expected, QuietframeError } from '../errors.js';

/** Samples per pixel of the first round, which is uniform (Vogels et al. 2018, section 5). */
export const FIRST_ROUND_SPP = 16;

/**
 * Mean samples per pixel that a picture has after each round: a uniform first one, then twice as many after every round,
 * until the budget is reached. A budget below the first round is spent uniformly.
 * @throws QuietframeError `invalid-argument` for numbers that are not above 0.
 */
export function samplingRounds(budgetSpp: number, firstSpp = FIRST_ROUND_SPP): number[] {
  for (const [parameter, value] of Object.entries({ budget: budgetSpp, first: firstSpp })) {
    if (value > 0 && value < Number.POSITIVE_INFINITY) continue;
    throw new QuietframeError('invalid-argument', expected('a finite number above 0', parameter, value), {
      parameter,
    });
  }
  const rounds: number[] = [];
  for (let spp = firstSpp; spp < budgetSpp; spp *= 2) rounds.push(spp);
  return [...rounds, budgetSpp];
}
