import type { Architecture } from '../engine/model-manifest.js';
import { DEFAULT_MODEL } from '../engine/model-repository.js';
import { estimateRasters, featureRasters, type LevelRaster } from '../kpcn/frame-features.js';
import { COLOR_CHANNELS } from '../kpcn/frame-pyramid.js';
import { modelId } from './check-request.js';
import type { ModelSummary } from './types.js';

/** All levels together have less than 4/3 of the finest level's pixels. */
const PYRAMID = 4 / 3;
const MOTION_CHANNELS = 2;

/** Bytes for each pixel of a frame, of what a network stores of the frames of a request beside their own planes. */
export interface StoredBytes {
  /** Features, single-frame results and motion of all frames of a window; 0 for a frame alone. */
  readonly window: number;
  /** Features of a frame alone, where its kernels are predicted again. */
  readonly features: number;
}

/**
 * What any of the models takes that a request may run: all versions of the name, because it may leave the version open. Nothing
 * for models of filters.
 * @param model as in the request.
 * @param neighbors frames beside the center.
 * @param light channels of further layers of light.
 */
export function storedBytes(
  models: readonly ModelSummary[],
  model: string = DEFAULT_MODEL,
  neighbors: number,
  light: number,
): StoredBytes {
  const named = models.filter((summary) => model === summary.name || model === modelId(summary));
  const architectures = named.map(({ architecture }) => architecture).filter(predictsKernels);
  return {
    window: Math.max(0, ...architectures.map((each) => windowBytes(each, neighbors, light))),
    features: Math.max(0, ...architectures.map((each) => rasterBytes(featureRasters(each)))),
  };
}

/**
 * Bytes for each pixel of a window: results of all its frames, motion of the others, and features. A CPU has the features of two
 * frames at a time, a device the spatial ones of every frame.
 */
function windowBytes(architecture: Architecture, neighbors: number, light: number): number {
  if (neighbors === 0) return 0;
  const frames = 1 + neighbors;
  const features = featureRasters(architecture);
  const spatial = features.filter(({ name }) => name === 'spatial');
  const result = estimateRasters(architecture, COLOR_CHANNELS + light, true);
  return (
    Math.max(2 * rasterBytes(features), frames * rasterBytes(spatial)) +
    frames * rasterBytes(result) +
    neighbors * rasterBytes([{ channels: MOTION_CHANNELS, scale: 1 }])
  );
}

/** Bytes of rasters of all levels for each pixel of the finest one. */
function rasterBytes(rasters: readonly Pick<LevelRaster, 'channels' | 'scale'>[]): number {
  const values = rasters.reduce((sum, { channels, scale }) => sum + channels / scale ** 2, 0);
  return PYRAMID * Float32Array.BYTES_PER_ELEMENT * values;
}

function predictsKernels(architecture: object): architecture is Architecture {
  return 'kernelSize' in architecture;
}
