import type { ExrPool } from '../exr/pool.js';
import type { ExrSource } from '../exr/source.js';
import { buildFrame } from '../frame/build-frame.js';
import type { ResolveOptions } from '../frame/layers/resolve-layers.js';
import { dssim, relativeMse, smape } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { readBeauty } from './window/read-planned.js';

/** Errors of a picture against a reference; 0 is equal. */
export interface Comparison {
  readonly width: number;
  readonly height: number;
  readonly smape: number;
  readonly relativeMse: number;
  readonly dssim: number;
}

/**
 * Compares the beauty of an OpenEXR file with that of a reference.
 * @throws QuietframeError `mismatched-frames` when the sizes differ; as `resolveLayers` and `ExrPool.read`.
 */
export async function compareExr(
  exr: Uint8Array,
  reference: Uint8Array,
  pool: ExrPool,
  options: ResolveOptions = {},
): Promise<Comparison> {
  return compareSources(pool.open(exr), pool.open(reference), pool, options);
}

/** As {@link compareExr}, of files whose headers were read before. */
export async function compareSources(
  file: ExrSource,
  reference: ExrSource,
  pool: Pick<ExrPool, 'read'>,
  options: ResolveOptions = {},
): Promise<Comparison> {
  const read = await Promise.all([file, reference].map((each) => readBeauty(each, pool, options)));
  const [picture, truth] = read.map((image) => buildFrame(image).frame.color) as [Raster, Raster];
  return {
    width: truth.width,
    height: truth.height,
    smape: smape(picture, truth),
    relativeMse: relativeMse(picture, truth),
    dssim: dssim(picture, truth),
  };
}
