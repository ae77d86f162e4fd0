import type { Denoiser } from '../../denoise/denoiser.js';
import type { ExrPool } from '../../exr/pool.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { FrameCache } from '../../files/window/frame-cache.js';
import type { DenoisedFrame, FrameDenoiser, FrameFiles, WindowFile } from './frame-denoiser.js';

/** Denoises in this process. */
export class LocalDenoiser implements FrameDenoiser {
  readonly name = 'local';
  readonly #request: Omit<DenoiseExrRequest, 'exr'>;
  readonly #pool: ExrPool;
  readonly #denoiser: Denoiser;
  readonly #frames: FrameCache;

  /**
   * @param request what is the same for all frames.
   * @param cacheBytes bytes of frames that are kept decoded for the next window.
   */
  constructor(
    request: Omit<DenoiseExrRequest, 'exr'>,
    pool: ExrPool,
    denoiser: Denoiser,
    cacheBytes: number,
  ) {
    this.#request = request;
    this.#pool = pool;
    this.#denoiser = denoiser;
    this.#frames = new FrameCache(cacheBytes);
  }

  denoise({ window }: FrameFiles, signal: AbortSignal): Promise<DenoisedFrame> {
    const { exr, name } = window.find(({ offset }) => offset === 0) as WindowFile;
    const neighbors = window.filter(({ offset }) => offset !== 0);
    return denoiseExr(
      { ...this.#request, exr, frameName: name, neighbors, signal },
      { pool: this.#pool, denoiser: this.#denoiser, frames: this.#frames },
    );
  }
}
