import type { Raster } from '../image/raster.js';
import type { SourceName } from './source-names.js';

export type { SourceName } from './source-names.js';

/** Where the variance of the colour came from; `estimated` frames go to encoders that were trained with the estimate. */
export type VarianceOrigin = 'layer' | 'half-buffers' | 'estimated';

/** What the input may be warned about. The codes are stable. */
export const WARNING_CODES = {
  'missing-albedo': 'no albedo was found, or it is the same everywhere',
  'missing-normal': 'no normals were found, or they are the same everywhere',
  'other-views': 'the file has stereo views that are not denoised',
  'other-layers': 'the file has view layers that are not denoised',
  'no-lights': 'no layers of light were found beside the colour',
  'missing-surface': 'a layer of light lacks the colour that it was divided by and is filtered as it is',
  'different-window': 'a layer is not used because its data window differs from that of the colour',
  'samples-unknown': 'a variance layer is not used because the number of samples is not known',
  'not-finite': 'samples were NaN or infinite and were replaced',
  'negative-color': 'samples of the colour are negative and were kept',
  'negative-outliers': 'pixels of the colour are far below zero and were replaced',
  'bright-regions': 'regions of the colour are infinite or too bright to be filtered and were kept',
  'albedo-range': 'much of the albedo is above 1 and was limited',
  'encoded-normals': 'normals were stored as n * 0.5 + 0.5 and were decoded',
  'zero-variance': 'a colour variance is zero everywhere and is not used',
  'identical-halves': 'the half buffers are the same picture',
  'correlated-noise': 'the noise of neighbouring pixels is alike: a pixel filter has spread it',
  panorama: 'the frame may be a panorama: its borders match, and are not joined unless that is asked for',
  'already-denoised': 'quietframe has denoised the file before',
  'unknown-motion': 'motion vectors are not finite or too long: other frames are left out there',
  'optical-flow': 'there are no motion vectors of a known convention: they were estimated',
  'motion-convention': 'motion vectors would fit the frames better with another convention',
  'frame-left-out': 'a frame of the window is damaged or does not fit: the others are denoised without it',
  'distant-frames': 'frames more than 3 away from the one that is denoised are not used',
  'no-split': 'the diffuse and specular split was asked for and the file does not have it',
  'no-fireflies': 'a mask of fireflies was asked for and no variance was measured: it is empty',
  'lambda-not-predicted': 'errors are predicted at lambda = 1, not at that of the request',
  'half-saturated': 'results were too bright for half floats and were limited',
} as const satisfies Record<string, string>;

export type WarningCode = keyof typeof WARNING_CODES;

/** A warning about the input, with a stable code. */
export interface InputWarning {
  readonly code: WarningCode;
  readonly message: string;
  readonly layer?: string;
  /** A frame around the one that is denoised, where the warning is about it: `neighbor[-1]`. */
  readonly frame?: string;
}

/**
 * One rendered frame by meaning, without layer names. All rasters have the same size (the data window).
 * Variances are of the mean, averaged over channels, one channel each.
 */
export interface Frame {
  readonly width: number;
  readonly height: number;
  readonly source: SourceName;
  /** Noisy beauty, 3 channels, scene-linear, finite after sanitising. */
  readonly color: Raster;
  readonly colorVariance: Raster;
  readonly varianceOrigin: VarianceOrigin;
  /**
   * Variance of the colour as the renderer measured it over all its samples, where it did: `colorVariance` itself, or
   * beside that of half buffers. It tells pixel by pixel where samples are wanted.
   */
  readonly measuredVariance?: Raster;
  /** Denoising albedo, or the diffuse one where there is no other; 3 channels in [0, 1]. */
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  /** Unit normals or null vectors, 3 channels. */
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
  readonly depth?: Raster;
  readonly alpha?: Raster;
  /**
   * Offsets in pixels, y down, 2 channels: the content of pixel p is at p + offset(p) in the frame before, or after; NaN
   * where that is not known.
   */
  readonly motionToPrevious?: Raster;
  readonly motionToNext?: Raster;
  /**
   * The split of the beauty, where the file has it: color = diffuse * diffuseAlbedo + specular. `diffuse` is irradiance,
   * without the surface's colour; `specular` is everything else and may be slightly negative.
   */
  readonly diffuse?: Raster;
  readonly diffuseVariance?: Raster;
  readonly diffuseAlbedo?: Raster;
  readonly diffuseAlbedoVariance?: Raster;
  readonly specular?: Raster;
  readonly specularVariance?: Raster;
}
