import { Worker } from 'node:worker_threads';
import { QuietframeError } from '../errors.js';
import type { Raster } from '../image/raster.js';

/** Worker threads run compiled code: next to this file, or in `dist` when this file is run from its source. */
const WORKER_URL = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/server/png-worker.js' : './png-worker.js',
  import.meta.url,
);

/**
 * A picture of 3 channels for a screen: exposed to middle grey, tone-mapped, as an 8-bit RGB PNG. The work is done in a
 * thread of its own, which ends with it: pictures are rare beside the seconds that denoising takes.
 * @throws QuietframeError `cancelled` when the signal aborts; `internal`.
 */
export function encodePng(color: Raster, signal: AbortSignal): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(cancelled());
    const worker = new Worker(WORKER_URL, { workerData: color, transferList: ownMemory(color) });
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
