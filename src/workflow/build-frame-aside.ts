import { Worker } from 'node:worker_threads';
import { QuietframeError } from '../errors.js';
import type { BuiltFrame, PlannedImage } from '../frame/build-frame.js';
import type { FrameAnswer, FrameTask } from './frame-worker.js';

/** Worker threads run compiled code: next to this file, or in `dist` when this file is run from its source. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/workflow/frame-worker.js' : './frame-worker.js',
  import.meta.url,
);

/**
 * As `buildFrame`, in a thread of its own that ends with it, so that a service keeps answering. The planes of the images
 * move there and are gone afterwards.
 * @throws QuietframeError as `buildFrame`; `cancelled`; `internal`.
 */
export function buildFrameAside(
  main: PlannedImage,
  half: PlannedImage | undefined,
  signal: AbortSignal | undefined,
): Promise<BuiltFrame> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const task: FrameTask = { main: onlyPlanned(main), half: half && onlyPlanned(half) };
    const worker = new Worker(WORKER_URL, { workerData: task, transferList: buffersOf(task) });
    const abort = (): void => {
      reject(cancelled());
      void worker.terminate();
    };
    signal?.addEventListener('abort', abort, { once: true });
    worker
      .on('message', (answer: FrameAnswer) => {
        if ('built' in answer) return resolve(answer.built);
        const { code, message, details } = answer.error;
        reject(new QuietframeError(code, message, details));
      })
      .on('error', (cause) => reject(failed(cause)))
      .on('exit', () => {
        signal?.removeEventListener('abort', abort);
        reject(failed(undefined));
      });
  });
}

/** Without what else the object may hold. */
function onlyPlanned({ image, plan }: PlannedImage): PlannedImage {
  return { image, plan };
}

function buffersOf({ main, half }: FrameTask): ArrayBuffer[] {
  const images = half === undefined ? [main.image] : [main.image, half.image];
  return images.flatMap(({ parts }) =>
    parts.flatMap(({ planes }) => [...planes.values()].map(({ data }) => data.buffer as ArrayBuffer)),
  );
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The work on a frame was cancelled');
}

function failed(cause: unknown): QuietframeError {
  return new QuietframeError('internal', 'The frame could not be built', {}, { cause });
}
