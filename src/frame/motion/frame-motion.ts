import type { Frame } from '../frame.js';
import type { InputFindings } from '../input-findings.js';
import { type PlannedImage, rasterOf } from '../planned-image.js';
import { motionFromLayer, unknownOffsets } from './motion.js';

/** Motion of a frame by its vectors. Directions without a single known offset are left out. */
export function frameMotion(
  { image, plan }: PlannedImage,
  findings: InputFindings,
): Pick<Frame, 'motionToPrevious' | 'motionToNext'> {
  const samples = rasterOf(image, plan.layers.motion);
  const motion = samples && motionFromLayer(samples, plan.motionConvention);
  if (samples === undefined || motion === undefined) return {};
  const { toPrevious, toNext } = motion;
  const [before, after] = [toPrevious, toNext].map((way) =>
    way === undefined ? 0 : unknownOffsets(way),
  ) as [number, number];
  const pixels = samples.width * samples.height;
  if (before + after > 0) {
    const message = `${before + after} motion vectors are not finite or too long: other frames are left out there`;
    findings.warn('unknown-motion', message, 'motion');
  }
  return {
    ...(toPrevious && before < pixels && { motionToPrevious: toPrevious }),
    ...(toNext && after < pixels && { motionToNext: toNext }),
  };
}
