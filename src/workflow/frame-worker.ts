import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorCode, type ErrorDetails, QuietframeError } from '../errors.js';
import { type BuiltFrame, buildFrame, type PlannedImage } from '../frame/build-frame.js';
import type { Raster } from '../image/raster.js';

/** What this worker is given, and answers. */
export interface FrameTask {
  readonly main: PlannedImage;
  readonly half: PlannedImage | undefined;
}
export type FrameAnswer =
  | { readonly built: BuiltFrame }
  | {
      readonly error: { readonly code: ErrorCode; readonly message: string; readonly details: ErrorDetails };
    };

const { main, half } = workerData as FrameTask;
try {
  const built = buildFrame(main, half);
  const rasters = [...Object.values(built.frame), ...built.lights.values()].filter(
    (value): value is Raster => typeof value === 'object',
  );
  const answer: FrameAnswer = { built };
  parentPort?.postMessage(
    answer,
    rasters.map(({ data }) => data.buffer as ArrayBuffer),
  );
} catch (error) {
  if (!(error instanceof QuietframeError)) throw error;
  const { code, message, details } = error;
  const answer: FrameAnswer = { error: { code, message, details } };
  parentPort?.postMessage(answer);
}
