import type { ExrPool } from '../../exr/pool.js';
import type { OverwriteGuard } from '../overwrite-guard.js';
import type { Omissions } from './omissions.js';
import { type FrameOutcome, flickerOf, type Sequence } from './run-sequence.js';
import type { ShotSources } from './shot-sources.js';
import { type ShotWarning, shotWarnings } from './shot-warnings.js';

/** Writes what became of the frames of a shot as JSON, with their flicker and their warnings. */
export async function writeReport(
  path: string,
  shot: Sequence,
  outcomes: readonly FrameOutcome[],
  { nearMisses, missing }: Omissions,
  start: number,
  sources: ShotSources,
  pool: ExrPool,
  guard: Pick<OverwriteGuard, 'write'>,
): Promise<void> {
  const flicker = await flickerOf(shot, sources, pool);
  const frames = outcomes
    .toSorted((a, b) => a.frame - b.frame)
    .map((outcome) => {
      const own = flicker.get(outcome.frame);
      return { ...outcome, ...(own !== undefined && { flicker: own }) };
    });
  const values = [...flicker.values()];
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const report = {
    seconds: (performance.now() - start) / 1000,
    window: shot.window,
    ...(values.length > 0 && { flicker: mean }),
    ...(nearMisses.length > 0 && { nearMisses }),
    ...(missing.length > 0 && { missing }),
    warnings: warningsOf(shot, outcomes).map(({ varies: _, ...warning }) => warning),
    frames,
  };
  await guard.write(path, `${JSON.stringify(report, null, 2)}\n`);
}

/**
 * The warnings of all frames, each with those that it is about: where a frame is left out of windows, those that are denoised
 * without it.
 */
export function warningsOf(
  { input, frames, warnings: found = [] }: Sequence,
  outcomes: readonly FrameOutcome[],
): ShotWarning[] {
  const byName = new Map(frames.map((frame) => [input.path(frame), frame]));
  const ofFrames = outcomes.flatMap(({ frame, warnings = [] }) =>
    warnings.map((warning) => {
      const about = warning.code === 'frame-left-out' ? undefined : byName.get(warning.frame ?? '');
      return { frame: about ?? frame, warning };
    }),
  );
  return shotWarnings([...found, ...ofFrames]);
}
