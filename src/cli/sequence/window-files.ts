import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import type { DenoiseExrOptions } from '../../files/denoise-file/types.js';
import { checkFit } from '../../files/window/check-fit.js';
import { planSource } from '../../files/window/planned-source.js';
import { readPlanned } from '../../files/window/read-planned.js';
import {
  checkShotSize,
  frameLeftOut,
  isOfTheFile,
  SIZE_WITNESSES,
  shotSize,
} from '../../files/window/usable-window.js';
import type { InputWarning } from '../../frame/frame.js';
import type { FrameWindow, PlacedFrame } from '../../frame/frame-window.js';
import type { LayerPlan } from '../../frame/layers/resolve-layers.js';
import type { ShotFiles } from './shot-files.js';
import type { ShotSources } from './shot-sources.js';

/** A frame that is not in a window for what is wrong with it. */
interface LeftOut {
  readonly frame: number;
  readonly warning: InputWarning;
}

/** The files of a window, and the frames that it lacks. */
export interface ReadWindow {
  readonly window: FrameWindow<ExrSource>;
  readonly leftOut: readonly LeftOut[];
}

/** The files of windows that slide over a shot. Frames that turn out to be damaged are left out of all later windows. */
export class WindowFiles {
  readonly #shot: ShotFiles;
  readonly #frames: readonly number[];
  readonly #options: DenoiseExrOptions;
  readonly #pool: Pick<ExrPool, 'read'>;
  readonly #sources: ShotSources;
  readonly #damaged = new Map<number, QuietframeError>();

  /**
   * @param frames of the shot, ascending.
   */
  constructor(
    shot: ShotFiles,
    frames: readonly number[],
    options: DenoiseExrOptions,
    pool: Pick<ExrPool, 'read'>,
    sources: ShotSources,
  ) {
    this.#shot = shot;
    this.#frames = frames;
    this.#options = options;
    this.#pool = pool;
    this.#sources = sources;
  }

  /**
   * The files of a window. Others than the frame's own that cannot be read, or that do not fit the frame, are left out
   * with a warning.
   * @throws QuietframeError where the frame's own file cannot be read; `mismatched-frames` where it has another size than
   * the shot around it.
   */
  async read(frame: number, window: readonly number[]): Promise<ReadWindow> {
    const center = await this.#sources.read(frame);
    const { plan } = planSource(center, this.#options);
    const leftOut: LeftOut[] = [];
    const neighbors = await Promise.all(
      window.map(async (other): Promise<PlacedFrame<ExrSource>[]> => {
        if (other === frame) return [];
        try {
          return [{ offset: other - frame, value: await this.#fitting(other, plan) }];
        } catch (error) {
          if (!(error instanceof QuietframeError)) throw error;
          leftOut.push({ frame: other, warning: frameLeftOut(this.#shot.input.path(other), error) });
          return [];
        }
      }),
    );
    if (leftOut.some((other) => !this.#damaged.has(other.frame))) await this.#checkSize(frame, center);
    return {
      window: { center, neighbors: neighbors.flat() },
      leftOut: leftOut.sort((a, b) => a.frame - b.frame),
    };
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
        await readPlanned(planSource(await this.#sources.read(other), this.#options), this.#pool);
      } catch (error) {
        if (!(error instanceof QuietframeError)) throw error;
        this.leaveOut(other, error);
      }
    }
    return 1 + (await this.read(frame, window)).window.neighbors.length;
  }

  async #fitting(frame: number, own: LayerPlan): Promise<ExrSource> {
    const known = this.#damaged.get(frame);
    if (known !== undefined) throw known;
    const source = await this.#sources.read(frame);
    const aovs = own.lights.map(({ name }) => name);
    const { plan } = planSource(source, { ...this.#options, aovs });
    const { alpha, components } = this.#options;
    const withSplit = components === 'split' && own.layers.diffuseColor !== undefined;
    checkFit(plan, own, 'a neighbor', { withAlpha: alpha === 'denoise', withSplit });
    return source;
  }

  /** @throws QuietframeError as {@link checkShotSize}. */
  async #checkSize(frame: number, source: ExrSource): Promise<void> {
    const nearest = this.#frames
      .filter((other) => other !== frame)
      .sort((a, b) => Math.abs(a - frame) - Math.abs(b - frame))
      .slice(0, SIZE_WITNESSES);
    const sizes: string[] = [];
    for (const other of nearest) {
      const witness = await this.#sources.read(other).catch(() => undefined);
      const size = witness && shotSize(witness.header);
      if (size !== undefined) sizes.push(size);
    }
    checkShotSize(this.#shot.input.path(frame), shotSize(source.header), sizes);
  }
}
