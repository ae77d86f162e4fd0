import type { RequestPriority } from './queue-slot.js';

/** The latest of the least urgent requests of the caller who holds most, and more than `mine`. */
export function chooseVictim<Candidate extends { readonly terms: RequestPriority }>(
  candidates: readonly Candidate[],
  mine: number,
  held: (terms: RequestPriority) => number,
): Candidate | undefined {
  let victim: Candidate | undefined;
  for (const candidate of candidates) {
    if (held(candidate.terms) <= mine) continue;
    const more = victim === undefined ? 1 : held(candidate.terms) - held(victim.terms);
    if (more > 0 || (more === 0 && candidate.terms.urgency >= (victim?.terms.urgency ?? 0)))
      victim = candidate;
  }
  return victim;
}
