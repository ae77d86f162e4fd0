import type { ExrPool } from '../exr/pool.js';
import { buildFrame } from '../frame/build-frame.js';
import type { ResolveOptions } from '../frame/layers/resolve-layers.js';
import { dssim, relativeMse, smape } from '../image/metrics.js';
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
  const read = await Promise.all([readBeauty(exr, pool, options), readBeauty(reference, pool, options)]);
  const [picture, truth] = [buildFrame(read[0]).frame.color, buildFrame(read[1]).frame.color];
  return {
    width: truth.width,
    height: truth.height,
    smape: smape(picture, truth),
    relativeMse: relativeMse(picture, truth),
    dssim: dssim(picture, truth),
  };
}
