import { LRUCache } from 'lru-cache';
import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/exr-pool.js';
import { type LayerPlan, resolveLayers } from '../../frame/resolve-layers.js';
import type { DenoiseExrRequest } from '../../workflow/denoise-exr.js';
import { checkFit } from '../../workflow/window-fit.js';
import { readInput } from '../read-input.js';
import type { FrameFiles } from './frame-denoiser.js';
import type { FramePattern } from './frame-pattern.js';

/** The files of windows that slide over a shot: each is read once, as long as the windows that need it are near. */
export class WindowFiles {
  readonly #input: FramePattern;
  readonly #request: Omit<DenoiseExrRequest, 'exr'>;
  readonly #pool: ExrPool;
  readonly #read: LRUCache<number, Promise<Uint8Array>>;

  /** @param most files that are kept. */
  constructor(input: FramePattern, request: Omit<DenoiseExrRequest, 'exr'>, pool: ExrPool, most: number) {
    this.#input = input;
    this.#request = request;
    this.#pool = pool;
    this.#read = new LRUCache({ max: most });
  }

  /**
   * Files of a window, the frame's own among them. Others that cannot be read, or that do not fit the frame, are left out.
   * @throws QuietframeError where the frame's own file cannot be read.
   */
  async read(frame: number, window: readonly number[]): Promise<FrameFiles> {
    const exr = await this.#file(frame);
    const own = resolveLayers(this.#pool.header(exr).parts, this.#request);
    const files = await Promise.all(
      window.map(async (other) => {
        if (other === frame) return [{ offset: 0, exr }];
        try {
          const neighbour = await this.#file(other);
          this.#checkFit(neighbour, own);
          return [{ offset: other - frame, exr: neighbour }];
        } catch (error) {
          if (error instanceof QuietframeError) return [];
          throw error;
        }
      }),
    );
    return { window: files.flat() };
  }

  #checkFit(exr: Uint8Array, own: LayerPlan): void {
    const aovs = own.lights.map(({ name }) => name);
    const plan = resolveLayers(this.#pool.header(exr).parts, { ...this.#request, aovs });
    const { alpha, components } = this.#request;
    const withSplit = components === 'split' && own.layers.diffuseColor !== undefined;
    checkFit(plan, own, 'a neighbour', { withAlpha: alpha === 'denoise', withSplit });
  }

  #file(frame: number): Promise<Uint8Array> {
    const read = this.#read.get(frame) ?? readInput(this.#input.path(frame));
    this.#read.set(frame, read);
    // What cannot be read now may be there for the next window.
    read.catch(() => this.#read.delete(frame));
    return read;
  }
}
