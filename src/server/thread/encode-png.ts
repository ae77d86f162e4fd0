import { Worker } from 'node:worker_threads';
import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import { rasterOf } from '../../frame/build-frame.js';
import { type ResolveOptions, resolveLayers } from '../../frame/layers/resolve-layers.js';
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

/**
 * Alpha of a denoised file, for its picture; undefined where it has none.
 * @throws QuietframeError as `resolveLayers` and `ExrPool.read`.
 */
export async function readAlpha(
  exr: Uint8Array,
  pool: Pick<ExrPool, 'header' | 'read'>,
  { source, layers, view }: Pick<ResolveOptions, 'source' | 'layers' | 'view'>,
  signal: AbortSignal,
): Promise<Raster | undefined> {
  const options = {
    ...(source !== undefined && { source }),
    ...(layers !== undefined && { layers }),
    ...(view !== undefined && { view }),
  };
  const { alpha } = resolveLayers(pool.header(exr).parts, options);
  if (alpha === undefined) return undefined;
  const { part, channels } = alpha.target;
  const select = ({ index }: { readonly index: number }, { name }: { readonly name: string }): boolean =>
    index === part && channels.includes(name);
  return rasterOf(await pool.read(exr, { select, signal }), alpha.target);
}

/** The picture is not needed any more: its memory moves to the thread. */
function ownMemory({ data }: Raster): ArrayBuffer[] {
  return data.buffer instanceof ArrayBuffer ? [data.buffer] : [];
}

function cancelled(): QuietframeError {
  return new QuietframeError('cancelled', 'The request was cancelled before its picture was made');
}
