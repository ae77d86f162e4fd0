import { availableParallelism } from 'node:os';
import type { Raster } from '../../image/raster.js';
import { ownedBuffers } from '../../threads/owned-buffers.js';
import { ThreadPool } from '../../threads/thread-pool.js';
import { builtUrl } from '../../threads/worker-url.js';

/** A picture for a screen. */
export interface DisplayPicture {
  /** 3 channels, scene-linear, multiplied by alpha. */
  readonly color: Raster;
  /** 1 channel, of the same size. */
  readonly alpha?: Raster;
  /** Factor of the color; by default the one that brings its mean to middle gray. */
  readonly exposure?: number;
}

/** What the thread does. */
export interface PngJobs {
  readonly encode: { readonly given: DisplayPicture; readonly answer: Uint8Array };
}

const threads = new ThreadPool<PngJobs>({
  ...{ script: builtUrl('server/thread/png-worker.js'), threads: availableParallelism(), idleThreads: 0 },
  ...{ work: 'the making of the PNG', abort: 'terminate' },
});

/**
 * A picture for a screen: exposed, tone-mapped, as an 8-bit sRGB PNG, with alpha unless that is 0 or 1
 * everywhere. The work is done in a thread, which ends with it: pictures are rare beside the seconds that denoising
 * takes. The memory of the picture moves there.
 * @throws QuietframeError `cancelled` when the signal aborts; `internal`.
 */
export function encodePng(picture: DisplayPicture, signal: AbortSignal): Promise<Uint8Array> {
  return threads.run('encode', picture, { signal, transfer: ownedBuffers(picture) });
}
