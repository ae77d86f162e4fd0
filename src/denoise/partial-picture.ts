import { plane, type Raster, raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import type { Level, Picture } from '../kpcn/frame-pyramid.js';
import type { DenoiseJob } from './worker/jobs.js';

/** Color, and 1 where it is denoised, 0 where it is still noisy. */
const CHANNELS = 4;

/**
 * A frame's color while it is denoised, in memory that all threads share. It is for the eye: the finest level before it is
 * composited with the coarser ones.
 */
export function partialPicture(width: number, height: number): Raster {
  const bytes = width * height * CHANNELS * Float32Array.BYTES_PER_ELEMENT;
  return raster(width, height, CHANNELS, new Float32Array(new SharedArrayBuffer(bytes)));
}

/** What keeps a partial picture up to date: to be called with each job on the frame that is done. */
export function partialWriter(partial: Raster, { levels }: Picture): (job: DenoiseJob) => void {
  const { radiance, denoised } = levels[0] as Level;
  const whole = { x: 0, y: 0, width: partial.width, height: partial.height };
  copyColor(radiance, whole, partial);
  return (job) => {
    if (job.kind === 'denoise' || job.kind === 'filter') {
      if (job.task.level.denoised !== denoised) return;
    } else if (job.kind !== 'join' || job.task.denoised !== denoised) return;
    copyColor(denoised, job.tile, partial);
    const done = plane(partial, CHANNELS - 1);
    const end = Math.min(job.tile.x + job.tile.width, partial.width);
    for (let y = job.tile.y; y < Math.min(job.tile.y + job.tile.height, partial.height); y++) {
      done.fill(1, y * partial.width + job.tile.x, y * partial.width + end);
    }
  };
}

/** Levels are padded: what lies beyond the picture is left out. */
function copyColor(from: Raster, tile: Tile, to: Raster): void {
  const width = Math.min(tile.x + tile.width, to.width) - tile.x;
  if (width <= 0) return;
  for (let c = 0; c < CHANNELS - 1; c++) {
    const [source, target] = [plane(from, c), plane(to, c)];
    for (let y = tile.y; y < Math.min(tile.y + tile.height, to.height); y++) {
      const begin = y * from.width + tile.x;
      target.set(source.subarray(begin, begin + width), y * to.width + tile.x);
    }
  }
}
