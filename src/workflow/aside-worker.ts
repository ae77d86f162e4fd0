import { parentPort } from 'node:worker_threads';
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

function build({ main, half }: FrameTask): { answer: FrameAnswer; buffers: ArrayBuffer[] } {
  try {
    const built = buildFrame(main, half);
    const rasters = [...Object.values(built.frame), ...built.lights.values()].filter(
      (value): value is Raster => typeof value === 'object',
    );
    return { answer: { built }, buffers: rasters.map(({ data }) => data.buffer as ArrayBuffer) };
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    const { code, message, details } = error;
    return { answer: { error: { code, message, details } }, buffers: [] };
  }
}

parentPort?.on('message', (task: FrameTask) => {
  const { answer, buffers } = build(task);
  parentPort?.postMessage(answer, buffers);
});
