import { Worker } from 'node:worker_threads';
import { QuietframeError } from '../errors.js';
import type { BuiltFrame } from '../frame/build-frame.js';
import type { PlannedImage } from '../frame/planned-image.js';
import { builtUrl } from '../threads/worker-url.js';
import type { AsideAnswer, AsideTask, AsideWork } from './frame-worker.js';

const WORKER_URL = builtUrl('files/frame-worker.js');

/** Threads that wait for the next work: to start one takes longer than to build a small frame. */
const idle: Worker[] = [];
const MAX_IDLE = 2;

/**
 * Does one piece of the work on frames in a thread of its own, so that a service keeps answering. Arrays are copied, but
 * for those of `moved`, which are gone afterwards. Threads are kept for later work; they do not keep the process alive.
 * @throws QuietframeError as the work; `cancelled`; `internal`.
 */
export function aside<Name extends keyof AsideWork>(
  name: Name,
  given: AsideWork[Name]['given'],
  signal: AbortSignal | undefined,
  moved: readonly ArrayBuffer[] = [],
): Promise<AsideWork[Name]['answer']> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(cancelled());
    const task: AsideTask<Name> = { name, given };
    const worker = idle.pop() ?? new Worker(WORKER_URL);
    worker.removeAllListeners().ref();
    const abort = (): void => {
      reject(cancelled());
      void worker.terminate();
    };
    signal?.addEventListener('abort', abort, { once: true });
    worker
      .on('message', (answer: AsideAnswer<Name>) => {
        signal?.removeEventListener('abort', abort);
        keep(worker);
        if ('value' in answer) return resolve(answer.value);
        const { code, message, details } = answer.error;
        reject(new QuietframeError(code, message, details));
      })
      .on('error', (cause) => reject(failed(cause)))
      .on('exit', () => {
        signal?.removeEventListener('abort', abort);
        reject(failed(undefined));
      });
    worker.postMessage(task, moved);
  });
}

/**
 * As `buildFrame`, aside. The planes of the images move there and are gone afterwards.
 * @throws QuietframeError as `buildFrame` and `aside`.
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
  return aside('build-frame', given, signal, moved);
}

function keep(worker: Worker): void {
  if (idle.length >= MAX_IDLE) return void worker.terminate();
  worker.unref();
  const drop = (): void => {
    if (idle.includes(worker)) idle.splice(idle.indexOf(worker), 1);
  };
  worker.removeAllListeners().on('error', drop).on('exit', drop);
  idle.push(worker);
}

/** Without what else the object may hold. */
function onlyPlanned({ image, plan, withSplit = false }: PlannedImage): PlannedImage {
  return { image, plan, withSplit };
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The work on a frame was cancelled');
}

function failed(cause: unknown): QuietframeError {
  return new QuietframeError('internal', 'The work on a frame failed', {}, { cause });
}
