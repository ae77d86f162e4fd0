import { LRUCache } from 'lru-cache';
import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import { checkFit } from '../../files/window/check-fit.js';
import { readPlanned } from '../../files/window/read-planned.js';
import {
  checkShotSize,
  frameLeftOut,
  isOfTheFile,
  SIZE_WITNESSES,
  shotSize,
} from '../../files/window/usable-window.js';
import type { InputWarning } from '../../frame/frame.js';
import { type LayerPlan, resolveLayers } from '../../frame/layers/resolve-layers.js';
import type { FrameFiles, WindowFile } from './frame-denoiser.js';
import { readShotFrame, type ShotFiles } from './shot-files.js';

/** A frame that is not in a window for what is wrong with it. */
interface LeftOut {
  readonly frame: number;
  readonly warning: InputWarning;
}

/** What a window is made of. */
export interface ReadWindow extends FrameFiles {
  readonly leftOut: readonly LeftOut[];
}

/**
 * The files of windows that slide over a shot: each is read once, as long as the windows that need it are near. Frames
 * that turn out to be damaged are left out of all later windows.
 */
export class WindowFiles {
  readonly #shot: ShotFiles;
  readonly #frames: readonly number[];
  readonly #request: Omit<DenoiseExrRequest, 'exr'>;
  readonly #pool: ExrPool;
  readonly #read: LRUCache<number, Promise<Uint8Array>>;
  readonly #damaged = new Map<number, QuietframeError>();

  /**
   * @param frames of the shot, ascending.
   * @param most files that are kept.
   */
  constructor(
    shot: ShotFiles,
    frames: readonly number[],
    request: Omit<DenoiseExrRequest, 'exr'>,
    pool: ExrPool,
    most: number,
  ) {
    this.#shot = shot;
    this.#frames = frames;
    this.#request = request;
    this.#pool = pool;
    this.#read = new LRUCache({ max: most });
  }

  /**
   * Files of a window, the frame's own among them. Others that cannot be read, or that do not fit the frame, are left out
   * with a warning.
   * @throws QuietframeError where the frame's own file cannot be read; `mismatched-frames` where it has another size than
   * the shot around it.
   */
  async read(frame: number, window: readonly number[]): Promise<ReadWindow> {
    const exr = await this.#file(frame);
    const own = this.#planOf(exr);
    const leftOut: LeftOut[] = [];
    const files = await Promise.all(
      window.map(async (other): Promise<WindowFile[]> => {
        const name = this.#shot.input.path(other);
        if (other === frame) return [{ offset: 0, name, exr }];
        try {
          return [{ offset: other - frame, name, exr: await this.#fitting(other, own) }];
        } catch (error) {
          if (!(error instanceof QuietframeError)) throw error;
          leftOut.push({ frame: other, warning: frameLeftOut(name, error) });
          return [];
        }
      }),
    );
    if (leftOut.some(({ frame }) => !this.#damaged.has(frame))) await this.#checkSize(frame, exr);
    return { window: files.flat(), leftOut: leftOut.sort((a, b) => a.frame - b.frame) };
  }

  /** Notes what is wrong with a frame. @returns the warning about it. */
  leaveOut(frame: number, error: QuietframeError): InputWarning {
    if (isOfTheFile(error)) this.#damaged.set(frame, error);
    return frameLeftOut(this.#shot.input.path(frame), error);
  }

  /**
   * How many frames of a window can be used, the frame itself among them: as {@link read}, but the pixels are decoded, too.
   * @throws QuietframeError as {@link read}.
   */
  async countUsable(frame: number, window: readonly number[]): Promise<number> {
    for (const other of window) {
      if (other === frame || this.#damaged.has(other)) continue;
      try {
        await readPlanned(await this.#file(other), this.#pool, this.#request);
      } catch (error) {
        if (!(error instanceof QuietframeError)) throw error;
        this.leaveOut(other, error);
      }
    }
    return (await this.read(frame, window)).window.length;
  }

  async #fitting(frame: number, own: LayerPlan): Promise<Uint8Array> {
    const known = this.#damaged.get(frame);
    if (known !== undefined) throw known;
    const exr = await this.#file(frame);
    const aovs = own.lights.map(({ name }) => name);
    const plan = resolveLayers(this.#pool.header(exr).parts, { ...this.#request, aovs });
    const { alpha, components } = this.#request;
    const withSplit = components === 'split' && own.layers.diffuseColor !== undefined;
    checkFit(plan, own, 'a neighbor', { withAlpha: alpha === 'denoise', withSplit });
    return exr;
  }

  /** @throws QuietframeError as {@link checkShotSize}. */
  async #checkSize(frame: number, exr: Uint8Array): Promise<void> {
    const nearest = this.#frames
      .filter((other) => other !== frame)
      .sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame))
      .slice(0, SIZE_WITNESSES);
    const sizes: string[] = [];
    for (const other of nearest) {
      const witness = await this.#file(other).catch(() => undefined);
      const size = witness && this.#sizeOf(witness);
      if (size !== undefined) sizes.push(size);
    }
    checkShotSize(this.#shot.input.path(frame), this.#sizeOf(exr), sizes);
  }

  #sizeOf(exr: Uint8Array): string | undefined {
    try {
      return shotSize(this.#pool.header(exr));
    } catch (error) {
      if (error instanceof QuietframeError) return undefined;
      throw error;
    }
  }

  #planOf(exr: Uint8Array): LayerPlan {
    return resolveLayers(this.#pool.header(exr).parts, this.#request);
  }

  #file(frame: number): Promise<Uint8Array> {
    const read = this.#read.get(frame) ?? readShotFrame(this.#shot, frame, this.#pool);
    this.#read.set(frame, read);
    // What cannot be read now may be there for the next window.
    read.catch(() => this.#read.delete(frame));
    return read;
  }
}
