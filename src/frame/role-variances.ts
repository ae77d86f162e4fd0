import type { Raster } from '../image/raster.js';
import { sanitize } from '../image/sanitize.js';
import type { VarianceOrigin } from './frame.js';
import type { InputFindings } from './input-findings.js';
import type { VarianceRole } from './layers/render-source.js';
import { areIdentical, isZero, noiseCorrelation } from './lint.js';
import { type PlannedImage, rasterOf } from './planned-image.js';
import type { RoleSamples } from './role-samples.js';
import {
  estimateVariance,
  halfBufferVariance,
  varianceFromMoments,
  varianceFromRelative,
  varianceFromSamples,
  varianceInBasis,
  varianceOfMeanOf,
} from './variance.js';

/** Noise of neighbors that is more alike than this was splatted by a pixel filter. */
const CORRELATION_LIMIT = 0.3;

/** The variance of the colour, and where it came from. */
export interface ColorVariance {
  readonly variance: Raster;
  readonly origin: VarianceOrigin;
}

/** Variances of roles: from the difference of two half buffers, or else from layers of the file. */
export class RoleVariances {
  readonly #main: PlannedImage;
  readonly #half: PlannedImage | undefined;
  readonly #findings: InputFindings;
  /** Whether the noise of the two halves is independent. */
  readonly areIndependent: boolean;

  /** @param color of the frame, by which the halves are compared. */
  constructor(
    main: PlannedImage,
    half: PlannedImage | undefined,
    findings: InputFindings,
    color: RoleSamples,
  ) {
    this.#main = main;
    this.#half = half;
    this.#findings = findings;
    this.areIndependent = this.#compareHalves(color);
  }

  /** Estimated from the neighbourhood where the files say nothing, or that there is none. */
  ofColor(color: RoleSamples): ColorVariance {
    const origin = this.#half === undefined ? 'layer' : 'half-buffers';
    const variance = this.of('colorVariance', color);
    if (variance !== undefined && !isZero(variance)) return { variance, origin };
    if (variance !== undefined && !isZero(color.mean)) {
      const message = 'The colour variance is zero everywhere and was estimated instead';
      this.#findings.warn('zero-variance', message, 'color');
    }
    return { variance: estimateVariance(color.mean), origin: 'estimated' };
  }

  of(role: VarianceRole, samples: RoleSamples | undefined): Raster | undefined {
    if (samples === undefined) return undefined;
    // Both halves have the same guide where it came in a file of its own: their difference says nothing.
    const isShared = this.#main.plan.files?.some((file) => `${file}Variance` === role) ?? false;
    if (this.#half !== undefined && isShared) return undefined;
    if (this.#half !== undefined)
      return this.areIndependent && samples.halves ? halfBufferVariance(...samples.halves) : undefined;
    return this.#ofLayer(this.#main, role, samples.mean);
  }

  /** Of the mean of two halves, where both have a layer with the variance of their own. */
  measured({ halves }: RoleSamples): Raster | undefined {
    if (this.#half === undefined || halves === undefined || !this.areIndependent) return undefined;
    const first = this.#ofLayer(this.#main, 'colorVariance', halves[0]);
    const second = this.#ofLayer(this.#half, 'colorVariance', halves[1]);
    if (first === undefined || second === undefined) return undefined;
    const variance = varianceOfMeanOf(first, second);
    if (!isZero(variance)) return variance;
    const message = 'The measured colour variance is zero everywhere and is not used';
    this.#findings.warn('zero-variance', message, 'color');
    return undefined;
  }

  #ofLayer({ image, plan }: PlannedImage, role: VarianceRole, value: Raster): Raster | undefined {
    const planned = plan.variances[role];
    const samples = rasterOf(image, planned);
    if (planned === undefined || samples === undefined) return undefined;
    this.#findings.sanitize(role, samples, true);
    if (planned.kind === 'mean') return varianceFromSamples(samples, 1);
    const count = plan.samplesPerPixel;
    if (count === undefined) return undefined;
    if (planned.kind === 'samples') return varianceFromSamples(samples, count);
    if (planned.kind === 'samples-over-mean') return varianceFromRelative(samples, value, count);
    const mean = rasterOf(image, planned.mean);
    if (mean === undefined || count < 2) return undefined;
    sanitize(mean);
    return varianceInBasis(varianceFromMoments(mean, samples, count), mean, value);
  }

  #compareHalves({ halves }: RoleSamples): boolean {
    if (halves === undefined) return false;
    if (areIdentical(...halves)) {
      const message = 'The half buffers are the same picture: no variance can be taken from them';
      this.#findings.warn('identical-halves', message, 'color');
      return false;
    }
    const correlation = noiseCorrelation(...halves);
    if (correlation > CORRELATION_LIMIT) {
      const shown = correlation.toFixed(2);
      const message = `The noise of neighbouring pixels is alike (${shown}): render with a box filter or filter importance sampling`;
      this.#findings.warn('correlated-noise', message, 'color');
    }
    return true;
  }
}
