import type { Raster } from '../image/raster.js';
import type { ErrorMetric } from './error-metric.js';

/**
 * The errors that a network predicts of every pixel of a denoised picture: a raster of one channel for each metric, all of one
 * size, values in [0, 1].
 */
export type ErrorMap = Readonly<Record<ErrorMetric, Raster>>;

/** An error map whose rasters are made of those of another. */
export function mapErrors({ smape, dssim }: ErrorMap, change: (error: Raster) => Raster): ErrorMap {
  return { smape: change(smape), dssim: change(dssim) };
}
