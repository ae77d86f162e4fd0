import type { ExrPool } from '../exr/pool.js';
import type { ExrSource } from '../exr/source.js';
import { buildFrame } from '../frame/build-frame.js';
import { type ResolveOptions, resolveLayers } from '../frame/layers/resolve-layers.js';
import { motionFromLayer } from '../frame/motion/motion.js';
import { rasterOf } from '../frame/planned-image.js';
import { flicker } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { readBeauty } from './window/read-planned.js';

/** Two consecutive denoised frames. */
export interface FlickerFiles {
  readonly previous: ExrSource;
  readonly current: ExrSource;
  /** The current frame with its motion, if it has any. */
  readonly input: ExrSource;
}

/**
 * Flicker of the beauty between two consecutive denoised frames, after warping by the motion of the second.
 * @throws QuietframeError as `readBeauty` and `flicker`.
 */
export async function measureFlicker(
  { previous, current, input }: FlickerFiles,
  pool: Pick<ExrPool, 'read'>,
  options: ResolveOptions = {},
): Promise<number> {
  const beauty = async (file: ExrSource): Promise<Raster> =>
    buildFrame(await readBeauty(file, pool, colorOptions(options))).frame.color;
  const [before, after, toPrevious] = await Promise.all([
    beauty(previous),
    beauty(current),
    motionToPrevious(input, pool, options),
  ]);
  return flicker(after, before, toPrevious);
}

/** What says which layer is the colour: others may have come in files of their own. */
function colorOptions({ layers, motion: _, ...options }: ResolveOptions): ResolveOptions {
  return { ...options, ...(layers?.color !== undefined && { layers: { color: layers.color } }) };
}

async function motionToPrevious(
  file: ExrSource,
  pool: Pick<ExrPool, 'read'>,
  options: ResolveOptions,
): Promise<Raster | undefined> {
  const { layers, motionConvention } = resolveLayers(file.header.parts, options);
  const { motion } = layers;
  if (motion === undefined || motionConvention === 'unknown') return undefined;
  const image = await pool.read(file, {
    select: (part, { name }) => part.index === motion.part && motion.channels.includes(name),
  });
  const samples = rasterOf(image, motion);
  return samples && motionFromLayer(samples, motionConvention)?.toPrevious;
}
