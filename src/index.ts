/** The public API of quietframe as a library; docs/library.md has examples. */
// biome-ignore-all assist/source/organizeImports: exports stand in groups
import './no-telemetry.js';

// Denoise frames and files.
export { Denoiser } from './denoise/denoiser.js';
export type {
  CacheReport,
  DenoiseReport,
  DenoiseRequest,
  DenoiseResult,
  DenoiserOptions,
  FinishReport,
  ModelSummary,
  PostProcessOptions,
  PredictedError,
  PrefilterChoice,
  PrefilterOutcome,
  WindowFrame,
} from './denoise/types.js';
export { type Comparison, compareExr } from './files/compare-exr.js';
export { denoiseExr } from './files/denoise-file/denoise-exr.js';
export type {
  DenoisedExr,
  DenoiseExrRequest,
  DenoiseExrServices,
  AlphaMode,
  Neighbor,
} from './files/denoise-file/types.js';
export { type Inspection, inspectExr } from './files/inspect-exr.js';
export { FrameCache } from './files/window/frame-cache.js';
export type { DebugOutputs, DebugRequest } from './denoise/kpcn/debug-outputs.js';
export type { Device, DeviceChoice } from './engine/device.js';
export type { EngineName } from './engine/engine.js';
export type { Simd } from './engine/wasm-build.js';
export type { FullReport } from './files/report.js';
export type { KernelsReport } from './files/denoise-file/debug-channels.js';
export type { MapsReport, MapsRequest } from './files/denoise-file/maps.js';
export type { WrapMode } from './files/denoise-file/wrap.js';
export type { MotionOrigin } from './files/window/window-motion.js';
export type { ErrorMap } from './sampling/error-map.js';
export type { ErrorMetric } from './sampling/error-metric.js';
export type { SamplePlan, SamplePlanOptions } from './sampling/plan-samples.js';

// Read and write OpenEXR.
export { DEFAULT_EXR_LIMITS, type ExrLimits } from './exr/limits.js';
export { type CallOptions, ExrPool, type ExrPoolOptions } from './exr/pool.js';
export { type ReadOptions, readExr } from './exr/read-exr.js';
export type { ExrSource, SourceOptions } from './exr/source.js';
export { type WriteOptions, writeExr } from './exr/write-exr.js';

// What a file holds, and the frame that it makes.
export { type BuiltFrame, buildFrame } from './frame/build-frame.js';
export { channelsToRead } from './frame/channels-to-read.js';
export type { PlannedImage } from './frame/planned-image.js';
export {
  type Frame,
  type InputWarning,
  type SourceName,
  type VarianceOrigin,
  WARNING_CODES,
  type WarningCode,
} from './frame/frame.js';
export type { Role } from './frame/layers/render-source.js';
export { type LayerPlan, type ResolveOptions, resolveLayers } from './frame/layers/resolve-layers.js';
export type { ChannelUse } from './frame/layers/resolve-layers.js';

// Pictures in memory, and how different they are.
export type { Attribute, Box, Image, ImagePart, Plane, SampleType } from './image/image.js';
export { dssim, flicker, relativeMse, smape } from './image/metrics.js';
export { type Raster, raster } from './image/raster.js';
export { displayExposure, toneMap } from './image/tonemap.js';
export type { Tile } from './image/region.js';
export type { SanitizedCounts } from './image/sanitize.js';

// Procedural kernel networks and their filters (Wronski 2021).
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

// Errors.
export { ERROR_TABLE, type ErrorCode, type ErrorDetails, QuietframeError } from './errors.js';
