import type { Device } from '../../engine/device.js';
import type { ModelManifest } from '../../engine/model-manifest.js';
import { invalidArgument } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { AUTO } from '../../kpcn/source-encoder.js';
import { checkPredictor } from '../check-request.js';
import type { FrameDenoiser } from '../frame-denoiser.js';
import type { DenoiseRequest, DenoiseResult, ModelSummary } from '../types.js';
import type { WindowDenoiser } from './denoise-window.js';
import type { WindowRequest } from './window-request.js';

/** A model that predicts kernels (Vogels et al. 2018). */
export class KpcnDenoiser implements FrameDenoiser {
  readonly summary: ModelSummary;
  readonly windowSize: number;

  /** @param windows denoises with all models of kernels, which share its memory. */
  constructor(
    private readonly manifest: ModelManifest,
    private readonly windows: WindowDenoiser,
    device: Device,
  ) {
    const { name, version, description, license, architecture, sources, training } = manifest;
    this.summary = { name, version, description, license, architecture, sources, training, device };
    this.windowSize = architecture.windowSize;
  }

  check({ model, strength, parameters = false, errors = false, encoder = AUTO }: DenoiseRequest): void {
    if (strength !== undefined) {
      throw invalidArgument('nothing with a model of kernels', 'strength', strength);
    }
    if (parameters) {
      throw invalidArgument('a model of filters, or upscale or deblur,', 'the model of parameters', model);
    }
    if (errors) checkPredictor(this.manifest);
    const { sources } = this.manifest;
    if (encoder !== AUTO && !sources.includes(encoder)) {
      throw invalidArgument(`${AUTO} or one of ${sources.join(', ')}`, 'encoder', encoder);
    }
  }

  /** Strength and parameters are those of the filters that finish the frame. */
  beforeFinish({ strength: _, parameters: __, ...request }: DenoiseRequest): DenoiseRequest {
    return request;
  }

  denoise(frame: Frame, request: DenoiseRequest): Promise<DenoiseResult> {
    const { lambda = 1, also = [], errors = false, neighbors = [], irradiance = false } = request;
    const { encoder = AUTO, prefilter = 'auto', auxiliaries = false } = request;
    const options: WindowRequest = {
      ...request,
      ...{ lambda, also, errors, neighbors, irradiance, encoder, prefilter, auxiliaries },
    };
    if (errors && lambda !== 1) return this.#denoiseAndPredict(frame, options);
    return this.windows.denoise(frame, this.manifest, options);
  }

  /** The frame at its lambda, with the errors that are predicted at 1. */
  async #denoiseAndPredict(
    frame: Frame,
    { onProgress, debug, ...options }: WindowRequest,
  ): Promise<DenoiseResult> {
    const { manifest } = this;
    const half = (begin: number): Pick<WindowRequest, 'onProgress'> =>
      onProgress ? { onProgress: (fraction) => onProgress(begin + fraction / 2) } : {};
    const symmetric = await this.windows.denoise(frame, manifest, { ...options, ...half(0), lambda: 1 });
    const result = await this.windows.denoise(frame, manifest, {
      ...{ ...options, ...half(0.5), errors: false },
      ...(debug && { debug }),
    });
    const { errors, relativeVariance } = symmetric;
    const { predictedError, seconds } = symmetric.report;
    return {
      ...result,
      ...(errors && { errors }),
      ...(relativeVariance && { relativeVariance }),
      report: {
        ...result.report,
        ...(predictedError && { predictedError }),
        seconds: seconds + result.report.seconds,
      },
    };
  }
}
