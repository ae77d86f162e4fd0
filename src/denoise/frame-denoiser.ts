import type { Frame } from '../frame/frame.js';
import type { DenoiseRequest, DenoiseResult, ModelSummary } from './types.js';

/**
 * One model of a denoiser, whatever it predicts: kernels (`kpcn/kpcn-denoiser.ts`) or parameters of filters
 * (`pkn/pkn-denoiser.ts`).
 */
export interface FrameDenoiser {
  readonly summary: ModelSummary;
  /** Frames that a result is made from, at most; 1 for a model without windows. */
  readonly windowSize: number;
  /**
   * Checks a request for what this model cannot do. Sizes and ranges that hold for every model are checked before.
   * @throws QuietframeError `invalid-argument`, `not-implemented`.
   */
  check(request: DenoiseRequest): void;
  /**
   * The part of a request that this model reads, where its result is deblurred or magnified afterwards: options of filters
   * belong to both steps, or to the second alone.
   */
  beforeFinish(request: DenoiseRequest): DenoiseRequest;
  /**
   * Denoises a frame. For one request at a time, after its check.
   * @throws QuietframeError `mismatched-frames`, `missing-layer`, `cancelled`, `internal`.
   */
  denoise(frame: Frame, request: DenoiseRequest): Promise<DenoiseResult>;
}
