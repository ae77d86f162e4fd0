/** The public API of quietframe as a library. */
import './no-telemetry.js';

export {
  type CacheReport,
  type DenoiseReport,
  type DenoiseRequest,
  type DenoiseResult,
  Denoiser,
  type DenoiserOptions,
  type ModelSummary,
  type WindowFrame,
} from './denoise/denoiser.js';
export type { FinishOptions, FinishReport } from './denoise/finisher.js';
export { ERROR_TABLE, type ErrorCode, type ErrorDetails, QuietframeError } from './errors.js';
export { type CallOptions, ExrPool, type ExrPoolOptions } from './exr/exr-pool.js';
export { DEFAULT_EXR_LIMITS, type ExrLimits } from './exr/limits.js';
export { type ReadOptions, readExr } from './exr/read-exr.js';
export { type WriteOptions, writeExr } from './exr/write-exr.js';
export { type BuiltFrame, buildFrame, channelsToRead, type PlannedImage } from './frame/build-frame.js';
export {
  type Frame,
  type InputWarning,
  type SourceName,
  type VarianceOrigin,
  WARNING_CODES,
  type WarningCode,
} from './frame/frame.js';
export type { Role } from './frame/render-source.js';
export { type LayerPlan, type ResolveOptions, resolveLayers } from './frame/resolve-layers.js';
export type { Attribute, Box, Image, ImagePart, Plane, SampleType } from './image/image.js';
export { dssim, flicker, relativeMse, smape } from './image/metrics.js';
export { type Raster, raster } from './image/raster.js';
export { displayExposure, toneMap } from './image/tonemap.js';
export { anisotropicGaussian } from './pkn/anisotropic-gaussian.js';
export { bilateral } from './pkn/bilateral.js';
export type { RbfGuide } from './pkn/gaussian-rbf.js';
export { PknNetwork, type PredictOptions } from './pkn/network.js';
export { estimateNoiseSigma } from './pkn/noise-level.js';
export { type NonLocalMeansOptions, nonLocalMeans, SPATIAL_SIGMA } from './pkn/non-local-means.js';
export {
  constantMap,
  type Filter,
  PARAMETERS,
  type ParameterMap,
  rescaleMap,
} from './pkn/parameter-map.js';
export { type Blur, estimateBlurSigma, gaussianBlur, polynomialDeblur } from './pkn/polynomial-deblur.js';
export { MAX_FACTOR, rbfUpsample } from './pkn/rbf-upsample.js';
export { type Comparison, compareExr } from './workflow/compare-exr.js';
export {
  type DenoisedExr,
  type DenoiseExrRequest,
  type DenoiseExrServices,
  denoiseExr,
  type FullReport,
  type Neighbour,
} from './workflow/denoise-exr.js';
export { FrameCache } from './workflow/frame-cache.js';
export { type Inspection, inspectExr } from './workflow/inspect-exr.js';
