import { Worker } from 'node:worker_threads';
import { QuietframeError } from '../../errors.js';
import type { Raster } from '../../image/raster.js';
import { builtUrl } from '../../threads/worker-url.js';

const WORKER_URL = builtUrl('server/thread/png-worker.js');

/** A picture for a screen. */
export interface DisplayPicture {
  /** 3 channels, scene-linear, multiplied by alpha. */
  readonly color: Raster;
  /** 1 channel, of the same size. */
  readonly alpha?: Raster;
}

/**
 * A picture for a screen: exposed to middle grey, tone-mapped, as an 8-bit sRGB PNG, with alpha unless that is 0 or 1
 * everywhere. The work is done in a thread of its own, which ends with it: pictures are rare beside the seconds that
 * denoising takes.
 * @throws QuietframeError `cancelled` when the signal aborts; `internal`.
 */
export function encodePng(picture: DisplayPicture, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled());
    const { color, alpha } = picture;
    const transferList = [...ownMemory(color), ...(alpha === undefined ? [] : ownMemory(alpha))];
    const worker = new Worker(WORKER_URL, { workerData: picture, transferList });
    const abort = (): void => {
      reject(cancelled());
      void worker.terminate();
    };
    signal.addEventListener('abort', abort, { once: true });
    worker
      .on('message', resolve)
      .on('error', (cause) =>
        reject(new QuietframeError('internal', 'The making of the PNG failed', {}, { cause })),
      )
      .on('exit', () => {
        signal.removeEventListener('abort', abort);
        reject(new QuietframeError('internal', 'The making of the PNG failed'));
      });
  });
}

/** The picture is not needed any more: its memory moves to the thread. */
function ownMemory({ data }: Raster): ArrayBuffer[] {
  return data.buffer instanceof ArrayBuffer ? [data.buffer] : [];
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The request was cancelled before its picture was made');
}
