import type { InputWarning } from '../../frame/frame.js';

/** A warning with the frames that it is about. */
export interface ShotWarning {
  readonly code: InputWarning['code'];
  /** Of the first of the frames. */
  readonly message: string;
  readonly layer?: string;
  /** Ascending. */
  readonly frames: readonly number[];
  /** Whether the messages of the other frames have other figures. */
  readonly varies: boolean;
}

/**
 * Brings the warnings of a shot together: those that differ by figures alone, such as counts of pixels or numbers of
 * frames, are one. Of frames that are left out, each has a warning of its own.
 * @param found warnings with the number of the frame that each is about.
 * @returns in the order of their first frames.
 */
export function shotWarnings(
  found: readonly { readonly frame: number; readonly warning: InputWarning }[],
): ShotWarning[] {
  const groups = new Map<string, ShotWarning>();
  for (const { frame, warning } of found.toSorted((a, b) => a.frame - b.frame)) {
    const { code, message, layer } = warning;
    const shape = code === 'frame-left-out' ? message : shapeOf(message);
    const key = [code, layer, shape].join('\n');
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { code, message, ...(layer && { layer }), frames: [frame], varies: false });
      continue;
    }
    const frames = group.frames.includes(frame) ? group.frames : [...group.frames, frame];
    groups.set(key, { ...group, frames, varies: group.varies || group.message !== message });
  }
  return [...groups.values()];
}

/** `code: frames 1 to 24, 30: message`, for people. */
export function textOfWarning({ code, message, frames, varies }: ShotWarning): string {
  const figures = varies ? ` (figures of frame ${frames[0]})` : '';
  return `warning ${code}: ${frames.length === 1 ? 'frame' : 'frames'} ${textOfFrames(frames)}: ${message}${figures}`;
}

/** Ascending numbers with runs as `1 to 24`. */
export function textOfFrames(frames: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const frame of frames) {
    const run = runs.at(-1);
    if (run?.[1] === frame - 1) run[1] = frame;
    else runs.push([frame, frame]);
  }
  return runs.map(([first, last]) => (first === last ? `${first}` : `${first} to ${last}`)).join(', ');
}

/** A message without its figures; a list of names that differ by figures is as one of them. */
function shapeOf(message: string): string {
  return message.replaceAll(/-?\d+(?:\.\d+)?(?:e[+-]?\d+)?/gi, '#').replaceAll(/(\S+)(?:, \1)+/g, '$1');
}
