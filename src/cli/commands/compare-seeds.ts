import type { ExrPool } from '../../exr/pool.js';
import { compareExr } from '../../files/compare-exr.js';
import type { ResolveOptions } from '../../frame/layers/resolve-layers.js';
import { notThere } from '../options.js';
import { readInput } from '../read-input.js';
import { FramePattern } from '../sequence/frame-pattern.js';

/** How much the pictures of one still frame differ, each rendered with a seed of its own. */
export interface SeedComparison {
  readonly frames: number;
  /** Mean over the pairs of neighbors, and its standard deviation. */
  readonly dssim: number;
  readonly dssimDeviation: number;
  readonly smape: number;
  readonly relativeMse: number;
}

/**
 * Compares every frame of a pattern with the one before it (Vogels et al. 2018, figure 12).
 * @throws QuietframeError `file-system` for fewer than two frames; as `compareExr`.
 */
export async function compareSeeds(
  pattern: string,
  pool: ExrPool,
  options: ResolveOptions,
): Promise<SeedComparison> {
  const pictures = new FramePattern(pattern, '<a.exr>');
  const numbers = await pictures.frames();
  if (numbers.length < 2) throw notThere('at least two frames', '<a.exr>', pattern);
  const pairs: { dssim: number; smape: number; relativeMse: number }[] = [];
  let before: Uint8Array | undefined;
  for (const frame of numbers) {
    const exr = await readInput(pictures.path(frame));
    if (before !== undefined) pairs.push(await compareExr(exr, before, pool, options));
    before = exr;
  }
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const dssim = mean(pairs.map((pair) => pair.dssim));
  return {
    frames: numbers.length,
    dssim,
    dssimDeviation: Math.sqrt(mean(pairs.map((pair) => (pair.dssim - dssim) ** 2))),
    smape: mean(pairs.map((pair) => pair.smape)),
    relativeMse: mean(pairs.map((pair) => pair.relativeMse)),
  };
}
