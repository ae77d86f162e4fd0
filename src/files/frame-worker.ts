import { type BuiltFrame, buildFrame } from '../frame/build-frame.js';
import type { Frame } from '../frame/frame.js';
import { chainMotion } from '../frame/motion/motion.js';
import { type LikelierConvention, likelierConvention } from '../frame/motion/motion-convention.js';
import { estimateMotion, type MotionLayers, motionGuide } from '../frame/motion/motion-guide.js';
import type { PlannedImage } from '../frame/planned-image.js';
import type { Raster } from '../image/raster.js';
import type { GuidingInputs } from '../sampling/guiding-error.js';
import { planSamples, type SamplePlan, type SamplePlanOptions } from '../sampling/plan-samples.js';
import { serveJobs } from '../threads/serve-jobs.js';

/** What this worker does. */
export interface FrameJobs {
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
  /** Where the next samples go. */
  readonly 'plan-samples': {
    readonly given: { readonly inputs: GuidingInputs; readonly options: SamplePlanOptions };
    readonly answer: SamplePlan;
  };
}

serveJobs<FrameJobs>(
  {
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
    'plan-samples': ({ inputs, options }) => planSamples(inputs, options),
  },
  { moves: true },
);
