import type { Frame, InputWarning } from '../../frame/frame.js';
import type { FrameWindow } from '../../frame/frame-window.js';
import type { MotionLayers } from '../../frame/motion/motion-guide.js';
import type { Raster } from '../../image/raster.js';
import { runOffThread } from '../run-off-thread.js';
import type { CachedFrames } from './frame-cache.js';
import type { LoadedFrame } from './load-frame.js';

/** A frame on the way from the center, whose offset is 0. */
interface Step extends LoadedFrame {
  readonly offset: number;
}

/** Where the motion of a window came from; `none` where there is no other frame. */
export type MotionOrigin = 'vectors' | 'optical-flow' | 'none';

export interface WindowMotion {
  /** By offset: from each pixel of the center to that neighbor; see `WindowFrame.motion`. */
  readonly motions: ReadonlyMap<number, Raster>;
  readonly origin: MotionOrigin;
  readonly warnings: readonly InputWarning[];
}

/**
 * Motion from the centre of a window to each of its other frames: the vectors of the frames on the way, chained. Where a
 * frame has none, or the next frame is missing from the window, optical flow takes the place of that step.
 * @throws QuietframeError `cancelled`, `internal`.
 */
export async function windowMotion(
  window: FrameWindow<LoadedFrame>,
  cached: CachedFrames,
  signal: AbortSignal | undefined,
): Promise<WindowMotion> {
  const center: Step = { ...window.center, offset: 0 };
  const others = window.neighbors.map(({ offset, value }): Step => ({ ...value, offset }));
  const motions = new Map<number, Raster>();
  const estimated: Step[] = [];
  const follow = async (way: -1 | 1): Promise<void> => {
    const side = others
      .filter(({ offset }) => Math.sign(offset) === way)
      .sort((a, b) => Math.abs(a.offset) - Math.abs(b.offset));
    const steps: Raster[] = [];
    let last = center;
    for (const entry of side) {
      const { frame } = last.built;
      const vectors = way < 0 ? frame.motionToPrevious : frame.motionToNext;
      if (vectors !== undefined && entry.offset === last.offset + way) steps.push(vectors);
      else {
        const [from, to] = commonGuides([frame, entry.built.frame]) as [MotionLayers, MotionLayers];
        const given = { from, to };
        const key = `${last.key} to ${entry.key}`;
        const [flow] = await cached.motions(key, async () => [
          await runOffThread('estimate-motion', given, signal),
        ]);
        steps.push(flow as Raster);
        estimated.push(entry);
      }
      last = entry;
    }
    const key = ['through', center.key, ...side.map((entry) => `${entry.offset}:${entry.key}`)].join(' ');
    // The first step leads where it leads: a copy of it need not be kept.
    const chain = async () => (await runOffThread('chain-motion', { steps }, signal)).slice(1);
    const further = steps.length > 1 ? await cached.motions(key, chain) : [];
    const chained = [...steps.slice(0, 1), ...further];
    for (const [i, { offset }] of side.entries()) motions.set(offset, chained[i] as Raster);
  };
  const beside = others.filter(({ offset }) => Math.abs(offset) === 1);
  const found = ['convention', center.key, ...beside.map((entry) => `${entry.offset}:${entry.key}`)].join(
    ' ',
  );
  const [convention] = await Promise.all([
    beside.length === 0 ? [] : cached.warnings(found, () => conventionWarning(center, beside, signal)),
    follow(-1),
    follow(1),
  ]);
  const warnings = [...flowWarning(estimated), ...convention];
  const origin = others.length === 0 ? 'none' : estimated.length > 0 ? 'optical-flow' : 'vectors';
  return { motions, origin, warnings };
}

function flowWarning(entries: readonly Step[]): InputWarning[] {
  if (entries.length === 0) return [];
  const frames = entries.toSorted((a, b) => a.offset - b.offset).map(({ name }) => name);
  const message = `There are no motion vectors of a known convention on the way to ${frames.join(', ')}: optical flow was used`;
  return [{ code: 'optical-flow', message, layer: 'motion' }];
}

async function conventionWarning(
  { built: { frame } }: Step,
  others: readonly Step[],
  signal: AbortSignal | undefined,
): Promise<InputWarning[]> {
  const { motionToPrevious, motionToNext } = frame;
  const at = (offset: number) => others.find((other) => other.offset === offset)?.built.frame;
  const [before, after] = [at(-1), at(1)];
  if ((motionToPrevious && before) === undefined && (motionToNext && after) === undefined) return [];
  const motion = { ...(motionToPrevious && { motionToPrevious }), ...(motionToNext && { motionToNext }) };
  const [center, ...guides] = commonGuides([
    frame,
    ...[before, after].filter((other) => other !== undefined),
  ]);
  const previous = before && guides.shift();
  const given = { center: center as MotionLayers, previous, next: after && guides.shift(), motion };
  const found = await runOffThread('check-motion', given, signal);
  if (found === undefined) return [];
  const difference = `${found.likelier.toPrecision(2)} instead of ${found.given.toPrecision(2)}`;
  const message = `The motion vectors fit the frames better with ${found.names.join(' or ')}: a mean difference of ${difference}. They were used as they are; motion= reads them otherwise`;
  return [{ code: 'motion-convention', message, layer: 'motion' }];
}

/** What frames are compared by: guides that all of them have. Colour is looked at only where there is nothing better. */
function commonGuides(frames: readonly Frame[]): MotionLayers[] {
  const [withAlbedo, withNormal] = (['albedo', 'normal'] as const).map((role) =>
    frames.every((frame) => frame[role] !== undefined),
  );
  return frames.map(({ color, albedo, normal }) => ({
    color: withAlbedo || withNormal ? { ...color, channels: 0, data: new Float32Array() } : color,
    ...(withAlbedo && albedo && { albedo }),
    ...(withNormal && normal && { normal }),
  }));
}
