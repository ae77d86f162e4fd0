import type { Denoiser } from '../../denoise/denoiser.js';
import { withFrameName } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { denoiseFiles } from '../../files/denoise-file/denoise-exr.js';
import { FrameCache } from '../../files/window/frame-cache.js';
import { type FrameWindow, mapWindow } from '../../frame/frame-window.js';
import type { DenoisedFrame, FrameDenoiser } from './frame-denoiser.js';
import type { ShotRequest } from './run-sequence.js';

/** Denoises in this process. */
export class LocalDenoiser implements FrameDenoiser {
  readonly name = 'local';
  readonly #request: ShotRequest;
  readonly #pool: ExrPool;
  readonly #denoiser: Denoiser;
  readonly #frames: FrameCache;
  #lambdaMap: ExrSource | undefined;

  /**
   * @param request what is the same for all frames.
   * @param cacheBytes bytes of frames that are kept decoded for the next window.
   */
  constructor(request: ShotRequest, pool: ExrPool, denoiser: Denoiser, cacheBytes: number) {
    this.#request = request;
    this.#pool = pool;
    this.#denoiser = denoiser;
    this.#frames = new FrameCache(cacheBytes);
  }

  async denoise(window: FrameWindow<ExrSource>, signal: AbortSignal): Promise<DenoisedFrame> {
    const { lambdaMap: bytes, ...options } = this.#request;
    if (bytes !== undefined) {
      this.#lambdaMap ??= await withFrameName('lambda', () => this.#pool.open(bytes, { name: 'lambda' }));
    }
    const lambdaMap = this.#lambdaMap;
    return denoiseFiles(
      {
        original: window.center,
        window: mapWindow(window, (main) => ({ main })),
        offsets: window.neighbors.map(({ offset }) => offset),
        ...(lambdaMap && { lambdaMap }),
      },
      { ...options, signal },
      { pool: this.#pool, denoiser: this.#denoiser, frames: this.#frames },
    );
  }
}
