import type { Denoiser } from '../../src/denoise/denoiser.js';
import type { DenoiseReport, DenoiseRequest, DenoiseResult } from '../../src/denoise/types.js';
import type { Frame } from '../../src/frame/frame.js';
import { type Raster, raster } from '../../src/image/raster.js';

/** What a stub reports. */
export const STUB_REPORT: DenoiseReport = {
  ...{ model: 'stub', version: 3, encoder: 'cycles', device: 'cpu', executionProvider: 'cpu', simd: 'plain' },
  ...{ exposure: 1, lambda: 1, windowUsed: 1, tiles: 2, stages: { network: 0.25 }, seconds: 0.25 },
};

/** A stand-in for the denoiser, which makes something simple of each layer and remembers what it was given. */
export class StubDenoiser implements Pick<Denoiser, 'denoise' | 'windowSize'> {
  readonly seen: { readonly frame: Frame; readonly request: DenoiseRequest }[] = [];
  readonly #map: (value: number) => number;
  readonly #frames: number;

  /**
   * @param map is applied to every sample; the samples stay by default.
   * @param frames of a window.
   */
  constructor(map: (value: number) => number = (value) => value, frames = 7) {
    this.#map = map;
    this.#frames = frames;
  }

  async denoise(frame: Frame, request: DenoiseRequest = {}): Promise<DenoiseResult> {
    this.seen.push({ frame, request });
    for (const fraction of [0.3, 0.6, 1]) request.onProgress?.(fraction);
    const windowUsed = 1 + (request.neighbors?.length ?? 0);
    return {
      color: this.filter(frame.color, frame),
      also: (request.also ?? []).map((layer) => this.filter(layer, frame)),
      report: { ...STUB_REPORT, windowUsed },
    };
  }

  windowSize(): number {
    return this.#frames;
  }

  /** What becomes of a layer of a frame. */
  protected filter({ width, height, channels, data }: Raster, _frame: Frame): Raster {
    return raster(width, height, channels, data.map(this.#map));
  }
}
