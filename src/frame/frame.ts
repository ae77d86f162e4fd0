import type { Raster } from '../image/raster.js';

export type SourceName = 'cycles' | 'mitsuba' | 'pbrt' | 'generic';

/** Where the variance of the colour came from; `estimated` frames go to encoders that were trained with the estimate. */
export type VarianceOrigin = 'layer' | 'half-buffers' | 'estimated';

/** A warning about the input, with a stable code. */
export interface InputWarning {
  readonly code: string;
  readonly message: string;
  readonly layer?: string;
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
  /** Denoising albedo, or the diffuse one where there is no other; 3 channels in [0, 1]. */
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  /** Unit normals or null vectors, 3 channels. */
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
  readonly depth?: Raster;
  readonly alpha?: Raster;
  /**
   * The split of the beauty, where the file has it: color = diffuse * diffuseAlbedo + specular. `diffuse` is irradiance,
   * without the surface's colour; `specular` is everything else and may be slightly negative.
   */
  readonly diffuse?: Raster;
  readonly diffuseVariance?: Raster;
  readonly diffuseAlbedo?: Raster;
  readonly specular?: Raster;
  readonly specularVariance?: Raster;
}
