import { availableParallelism } from 'node:os';
import type { BuiltFrame } from '../frame/build-frame.js';
import type { PlannedImage } from '../frame/planned-image.js';
import { ThreadPool } from '../threads/thread-pool.js';
import { builtUrl } from '../threads/worker-url.js';
import type { FrameJobs } from './frame-worker.js';

/** To start a thread takes longer than to build a small frame: some wait for the next work. */
const threads = new ThreadPool<FrameJobs>({
  ...{
    script: builtUrl('files/frame-worker.js'),
    threads: Math.max(2, availableParallelism()),
    idleThreads: 2,
  },
  ...{ work: 'the work on a frame', abort: 'terminate' },
});

/**
 * Does one piece of the work on frames in a thread, so that a service keeps answering. Arrays are copied, but for those of
 * `transfer`, which are gone afterwards.
 * @throws QuietframeError as the work; `cancelled`; `internal`.
 */
export function runOffThread<Name extends keyof FrameJobs>(
  name: Name,
  given: FrameJobs[Name]['given'],
  signal: AbortSignal | undefined,
  transfer: readonly ArrayBuffer[] = [],
): Promise<FrameJobs[Name]['answer']> {
  return threads.run(name, given, { signal, transfer });
}

/**
 * As `buildFrame`, in a thread. The planes of the images move there and are gone afterwards.
 * @throws QuietframeError as `buildFrame` and `runOffThread`.
 */
export function buildFrameOffThread(
  main: PlannedImage,
  half: PlannedImage | undefined,
  signal: AbortSignal | undefined,
): Promise<BuiltFrame> {
  const given = { main: onlyPlanned(main), half: half && onlyPlanned(half) };
  const images = half === undefined ? [main.image] : [main.image, half.image];
  const moved = images.flatMap(({ parts }) =>
    parts.flatMap(({ planes }) => [...planes.values()].map(({ data }) => data.buffer as ArrayBuffer)),
  );
  return runOffThread('build-frame', given, signal, moved);
}

/** Without what else the object may hold. */
function onlyPlanned({ image, plan, withSplit = false }: PlannedImage): PlannedImage {
  return { image, plan, withSplit };
}
