import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import { wrapOfShot } from '../../files/denoise-file/shot-wrap.js';
import type { Sequence } from './run-sequence.js';
import type { ShotSources } from './shot-sources.js';

/**
 * A shot whose frames wrap alike: its first frame that can be read decides what `auto` means, whichever of them are denoised
 * by this run.
 * @throws QuietframeError `cancelled`.
 */
export async function withShotWrap(
  shot: Sequence,
  sources: ShotSources,
  pool: ExrPool,
  signal: AbortSignal,
): Promise<Sequence> {
  for (const frame of shot.frames) {
    try {
      const source = await sources.read(frame);
      const { wrap, warning } = await wrapOfShot(source, { ...shot.request, signal }, pool);
      const warnings = warning === undefined ? [] : [{ frame, warning }];
      return { ...shot, request: { ...shot.request, wrap }, warnings };
    } catch (error) {
      // Damaged frames are named when their turn comes.
      if (!(error instanceof QuietframeError) || error.code === 'cancelled') throw error;
    }
  }
  return shot;
}
