import { expected, QuietframeError } from '../../errors.js';
import type { ExrSummary } from '../../exr/worker.js';
import type { DenoiseExrRequest } from '../../files/denoise-file/types.js';
import {
  checkShotSize,
  denoiseUsable,
  frameLeftOut,
  isOfTheFile,
  SIZE_WITNESSES,
  shotSize,
} from '../../files/window/usable-window.js';
import type { InputWarning } from '../../frame/frame.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import type { ServedExr } from '../service.js';
import { headerOf, type SelectedFrames, sizesOf } from './choose-center.js';
import type { SourceFile } from './source-files.js';

/** A frame of a shot with those around it. */
export interface ShotWindow {
  /** In time order. */
  readonly frames: readonly SourceFile[];
  /** Index in `frames` of the frame that is denoised. */
  readonly center: number;
  /** Index in the shot of the first frame. */
  readonly first: number;
  /** A map of the slope of the loss. */
  readonly lambda?: SourceFile;
}

/** The frames of a window that can be used, as far as their headers tell. */
export interface UsableFrames extends SelectedFrames {
  readonly leftOut: readonly InputWarning[];
}

/**
 * What is known of the frames of a shot while windows slide over it: sizes, and frames that turned out to be damaged, which
 * are left out of all later windows.
 */
export class Shot {
  readonly #sizes = new Map<number, string>();
  /** By name. */
  readonly #damaged = new Map<string, QuietframeError>();
  /** Whether the borders of the frames continue at each other, as the first one decided that was denoised. */
  #wrap: ServedExr['report']['wrap'] | undefined;
  #deciding = Promise.resolve();

  /** @param wrap as an earlier frame of the shot decided, in another run of its job. */
  constructor(wrap?: ServedExr['report']['wrap']) {
    this.#wrap = wrap;
  }

  /**
   * Picks the frame to denoise as `selectFrames` does, with `frame[index in the shot]` as the names of all. Other frames of the
   * window that are damaged or have another size are left out, with a warning.
   * @param sizeAt reads the size of a frame of the shot, where it can be had.
   * @throws QuietframeError what is wrong with the frame itself; `mismatched-frames` where it has another size than the shot
   * around it.
   */
  async select(
    { frames, center, first, lambda }: ShotWindow,
    sizeAt: (index: number) => Promise<string | undefined> = async (index) => this.#sizes.get(index),
  ): Promise<UsableFrames> {
    const exr = frames[center] as SourceFile;
    const frameName = nameOf(first + center);
    const headers = new Map([[exr, await headerOf(exr, frameName)]]);
    const own = headers.get(exr) as ExrSummary;
    this.#keepSize(first + center, own);
    const neighbors: { readonly exr: SourceFile; readonly offset: number; readonly name: string }[] = [];
    const leftOut: InputWarning[] = [];
    let isNew = false;
    for (const [i, file] of frames.entries()) {
      if (i === center) continue;
      const name = nameOf(first + i);
      try {
        headers.set(file, await this.#fitting(file, first + i, own));
        neighbors.push({ exr: file, offset: i - center, name });
      } catch (error) {
        if (!(error instanceof QuietframeError) || !isOfTheFrame(error)) throw error;
        isNew ||= !this.#damaged.has(name);
        leftOut.push(this.leaveOut(name, error));
      }
    }
    if (isNew) checkShotSize(frameName, shotSize(own), await this.#sizesAround(first + center, sizeAt));
    return {
      files: {
        exr,
        frameName,
        ...(lambda && { lambdaMap: lambda }),
        ...(neighbors.length > 0 && { neighbors }),
      },
      headers,
      frames: frames.length,
      center,
      leftOut,
    };
  }

  /** Notes what is wrong with a frame. @returns the warning about it. */
  leaveOut(name: string, error: QuietframeError): InputWarning {
    if (isOfTheFile(error)) this.#damaged.set(name, error);
    return frameLeftOut(name, error);
  }

  /**
   * Denoises a frame that {@link select} has picked; other frames of its window whose pixels turn out to be damaged, or that
   * do not go with it, are left out, too. What was left out is among the warnings of the report. Where `wrap` is `auto` and the
   * frame is twice as wide as high, the first frame decides for those after it, which wait for it.
   * @throws QuietframeError as `denoise`.
   */
  async denoise(
    usable: UsableFrames,
    request: DenoiseExrRequest,
    denoise: (request: DenoiseExrRequest) => Promise<ServedExr>,
  ): Promise<ServedExr> {
    const isOpen = (request.wrap ?? 'auto') === 'auto' && mayBePanorama(usable);
    if (!isOpen) return this.#denoise(usable, request, denoise);
    const before = this.#deciding;
    let decide = (): void => {};
    this.#deciding = new Promise((resolve) => {
      decide = resolve;
    });
    try {
      await before;
      const wrap = this.#wrap;
      if (wrap !== undefined) {
        decide();
        return await this.#denoise(usable, { ...request, wrap }, denoise);
      }
      const result = await this.#denoise(usable, request, denoise);
      this.#wrap = result.report.wrap;
      return result;
    } finally {
      decide();
    }
  }

  async #denoise(
    { leftOut }: UsableFrames,
    request: DenoiseExrRequest,
    denoise: (request: DenoiseExrRequest) => Promise<ServedExr>,
  ): Promise<ServedExr> {
    const { neighbors = [], onProgress, ...rest } = request;
    const found = [...leftOut];
    let highest = 0;
    const progress = (fraction: number): void => {
      if (fraction > highest) onProgress?.(fraction);
      highest = Math.max(highest, fraction);
    };
    const named = neighbors.map((neighbor, i) => ({
      ...neighbor,
      name: neighbor.name ?? `neighbor[${i}]`,
    }));
    const { report, ...result } = await denoiseUsable(
      named,
      (usable) =>
        denoise({
          ...rest,
          ...(usable.length > 0 && { neighbors: usable }),
          ...(onProgress && { onProgress: progress }),
        }),
      ({ name }, error) => found.push(this.leaveOut(name, error)),
    );
    return { ...result, report: { ...report, warnings: [...found, ...report.warnings] } };
  }

  async #fitting(file: SourceFile, index: number, own: ExrSummary): Promise<ExrSummary> {
    const name = nameOf(index);
    const known = this.#damaged.get(name);
    if (known !== undefined) throw known;
    const header = await headerOf(file, name);
    this.#keepSize(index, header);
    if (sizesOf(header) === sizesOf(own)) return header;
    const message = expected(`${sizesOf(own)} pixels`, name, sizesOf(header));
    throw new QuietframeError('mismatched-frames', message, { frame: name });
  }

  #keepSize(index: number, header: ExrSummary): void {
    const size = shotSize(header);
    if (size !== undefined) this.#sizes.set(index, size);
  }

  /** Sizes of the nearest frames, the nearest first. */
  async #sizesAround(
    index: number,
    sizeAt: (index: number) => Promise<string | undefined>,
  ): Promise<readonly string[]> {
    const sizes: string[] = [];
    for (let distance = 1; distance <= SIZE_WITNESSES; distance++) {
      for (const other of [index - distance, index + distance]) {
        if (other < 0 || sizes.length === SIZE_WITNESSES) continue;
        const size = await sizeAt(other);
        if (size !== undefined) sizes.push(size);
      }
    }
    return sizes;
  }
}

/** Whether a frame fails for what its file is, so that the rest of its shot can go on. */
export function isOfTheFrame(error: QuietframeError): boolean {
  return isOfTheFile(error) || error.code === 'mismatched-frames';
}

/** By the data window of the first part: where the color is in another part, each frame decides for itself. */
function mayBePanorama({ files: { exr }, headers }: UsableFrames): boolean {
  const [part] = headers.get(exr as SourceFile)?.parts ?? [];
  return part !== undefined && boxWidth(part.dataWindow) === 2 * boxHeight(part.dataWindow);
}

function nameOf(index: number): string {
  return `frame[${index}]`;
}
