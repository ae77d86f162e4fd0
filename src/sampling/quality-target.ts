import { expected, QuietframeError } from '../errors.js';

/** What is predicted to be left until the mean error of a picture is at most the target. */
export interface QualityTarget {
  /** Mean SMAPE that is wanted. */
  readonly targetSmape: number;
  readonly reached: boolean;
  /** Times as many samples as there are; 1 when it is reached, null where that is beyond any budget. */
  readonly sampleFactor: number | null;
  /** Mean samples per pixel to add; null where it is not known how many there are, or where none would do. */
  readonly additionalSpp: number | null;
}

/** Errors are extrapolated as far as this many times the samples: beyond that the power law is a guess. */
const MOST_SAMPLES = 4096;

/**
 * Predicts how many samples a target takes. The error of denoised pictures falls with the samples n as n^-decay, more
 * slowly than the n^-0.5 of noise; the exponent was measured for each model.
 * @param smape mean predicted error of the picture.
 * @param spp mean samples per pixel that it has, where they are known.
 * @throws QuietframeError `invalid-argument` for a target that is not in (0, 1).
 */
export function samplesForTarget(
  smape: number,
  targetSmape: number,
  decay: number,
  spp?: number,
): QualityTarget {
  checkTarget(targetSmape);
  if (smape <= targetSmape) return { targetSmape, reached: true, sampleFactor: 1, additionalSpp: 0 };
  const factor = (smape / targetSmape) ** (1 / decay);
  if (factor > MOST_SAMPLES) return { targetSmape, reached: false, sampleFactor: null, additionalSpp: null };
  return {
    ...{ targetSmape, reached: false, sampleFactor: factor },
    additionalSpp: spp === undefined ? null : spp * (factor - 1),
  };
}

/** @throws QuietframeError `invalid-argument`. */
export function checkTarget(targetSmape: number): void {
  if (targetSmape > 0 && targetSmape < 1) return;
  throw new QuietframeError('invalid-argument', expected('a number in (0, 1)', 'target-smape', targetSmape), {
    parameter: 'target-smape',
  });
}
