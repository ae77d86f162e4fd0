import { parentPort } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, QuietframeError } from '../errors.js';
import { type BuiltFrame, buildFrame } from '../frame/build-frame.js';
import type { Frame } from '../frame/frame.js';
import { chainMotion } from '../frame/motion/motion.js';
import { type LikelierConvention, likelierConvention } from '../frame/motion/motion-convention.js';
import { estimateMotion, type MotionLayers, motionGuide } from '../frame/motion/motion-guide.js';
import type { PlannedImage } from '../frame/planned-image.js';
import type { Raster } from '../image/raster.js';

/** What this worker does: by name, what it is given and what it answers. */
export interface AsideWork {
  readonly 'build-frame': {
    readonly given: { readonly main: PlannedImage; readonly half: PlannedImage | undefined };
    readonly answer: BuiltFrame;
  };
  /** Motion from one frame to another. */
  readonly 'estimate-motion': {
    readonly given: { readonly from: MotionLayers; readonly to: MotionLayers };
    readonly answer: Raster;
  };
  /** Motions from frame to frame, the centre's first, into those from the centre to each of them. */
  readonly 'chain-motion': {
    readonly given: { readonly steps: readonly Raster[] };
    readonly answer: readonly Raster[];
  };
  readonly 'check-motion': {
    readonly given: {
      readonly center: MotionLayers;
      readonly previous: MotionLayers | undefined;
      readonly next: MotionLayers | undefined;
      readonly motion: Pick<Frame, 'motionToPrevious' | 'motionToNext'>;
    };
    readonly answer: LikelierConvention | undefined;
  };
}

export interface AsideTask<Name extends keyof AsideWork = keyof AsideWork> {
  readonly name: Name;
  readonly given: AsideWork[Name]['given'];
}

export type AsideAnswer<Name extends keyof AsideWork = keyof AsideWork> =
  | { readonly value: AsideWork[Name]['answer'] }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

const WORK: {
  readonly [Name in keyof AsideWork]: (given: AsideWork[Name]['given']) => AsideWork[Name]['answer'];
} = {
  'build-frame': ({ main, half }) => buildFrame(main, half),
  'estimate-motion': ({ from, to }) => estimateMotion(from, to),
  'chain-motion': ({ steps }) => {
    const totals = steps.slice(0, 1);
    for (const step of steps.slice(1)) totals.push(chainMotion(totals.at(-1) as Raster, step));
    return totals;
  },
  'check-motion': ({ center, previous, next, motion }) =>
    likelierConvention(
      {
        center: motionGuide(center),
        ...(previous && { previous: motionGuide(previous) }),
        ...(next && { next: motionGuide(next) }),
      },
      motion,
    ),
};

function answer<Name extends keyof AsideWork>({ name, given }: AsideTask<Name>): AsideAnswer<Name> {
  try {
    return { value: WORK[name](given) };
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    const { code, message, details } = error;
    return { error: { code, message, details } };
  }
}

/** Memory of all arrays of an answer: it moves instead of being copied. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (value instanceof Map) {
    for (const each of value.values()) buffersOf(each, found);
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) buffersOf(each, found);
  }
  return [...found];
}

parentPort?.on('message', (task: AsideTask) => {
  const reply = answer(task);
  parentPort?.postMessage(reply, buffersOf(reply));
});
