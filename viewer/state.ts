import type { Opened } from './decoder.js';
import type { Range } from './false-color.js';
import type { Layer } from './layers.js';
import { input, select } from './page.js';
import { CURVES, type Curve, type Look, SIDES, type Side, type Slot } from './screen.js';
import type { Report } from './service.js';
import type { Shot } from './shot.js';
import type { Point, Size, View } from './view-transform.js';

/** An open file. */
export type Source = Opened & { readonly file: Blob; readonly name: string };

/** A denoised frame. */
export interface Result {
  readonly source: Source;
  readonly report: Report;
  readonly lambda: number;
  /** Whether a painted map replaced lambda in some pixels. */
  readonly isPainted: boolean;
}

export interface Picture extends Size {
  /** Interleaved RGBA. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** A denoised region that replaces these pixels of the denoised picture. */
export interface Part extends Picture, Point {
  readonly label: string;
}

/** Value of the layer picker that shows the change since the previous frame. */
export const FLICKER = 'flicker';
/** Layers that the service predicts: only the denoised file has them. */
export const MAPS = /(^|\.)(error\.(SMAPE|DSSIM)|samples\.(density|spp))$/;

/** Calls its listeners in the order in which they were added. */
export class Signal {
  readonly #listeners: (() => void)[] = [];

  on(listener: () => void): void {
    this.#listeners.push(listener);
  }

  emit(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** What is open and what is shown. Every part of the viewer reads it. */
export class State {
  shot: Shot<File> = { frames: [], references: new Map(), isDoubtful: false, ignored: [] };
  /** References by index of the frame: those of the shot and those that were loaded. */
  references = new Map<number, File>();
  /** Results by index of the frame, the latest first. */
  results = new Map<number, readonly Result[]>();
  /** Painted maps by index of the frame; see {@link Slot}. */
  strokes = new Map<number, Picture>();
  frame = 0;
  layers: readonly Layer[] = [];
  pictures: Partial<Record<Slot, Picture>> = {};
  part: Part | undefined;
  view: View = { scale: 1, x: 0, y: 0 };
  split = 0.5;
  /** Whether the two sides of the split differ. */
  isCompared = false;
  /** Whether flicker moves the previous frame by motion vectors first. */
  isMotionFollowed = false;
  /** One picture, or the difference, that covers the screen while a key is held. */
  held: Side | 'difference' | undefined;
  range: Range = { low: 0, high: 1 };
  mode: Look['mode'] = 'light';
  /** Share of noise in the preview per decade of lambda; measured on the latest preview. */
  noisePerDecade = 0.4;
  /** Rises with every picture that is requested: an answer to an earlier request is not shown. */
  turn = 0;
  /** Whether a job runs. */
  isWorking = false;

  /** Before the pictures of another frame or layer are read. */
  readonly turning = new Signal();
  /** After they are shown. */
  readonly shown = new Signal();

  constructor(readonly canvas: HTMLCanvasElement) {}

  get size(): Size {
    const { width = 1, height = 1 } = this.pictures.noisy ?? {};
    return { width, height };
  }

  /** Size of the canvas in CSS pixels. */
  get room(): Size {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    return { width, height };
  }

  /** Slope of the loss in [1, 10], on a logarithmic scale. */
  get lambda(): number {
    return lambdaOf(Number(input('keep').value));
  }

  get exposure(): number {
    return Number(input('exposure').value);
  }

  get curve(): Curve {
    return CURVES.find((name) => name === select('curve').value) ?? 'srgb';
  }

  /** The latest result of the shown frame. */
  get result(): Result | undefined {
    return this.results.get(this.frame)?.[0];
  }

  /** The earlier result that is chosen for comparison. */
  get earlier(): Result | undefined {
    return this.results.get(this.frame)?.[Math.max(1, Number(select('earlier').value) || 1)];
  }

  /** The picture that a picker asks for; where there is none, the noisy or the denoised one. */
  side(picker: 'left' | 'right'): Side {
    const chosen = SIDES.find((name) => name === select(picker).value);
    if (chosen !== undefined && this.pictures[chosen] !== undefined) return chosen;
    return picker === 'left' ? 'noisy' : 'denoised';
  }

  /** Whether the picture shown as denoised only approximates the chosen lambda. */
  get isApproximate(): boolean {
    const { result, mode, part } = this;
    return (
      result !== undefined &&
      mode === 'light' &&
      part === undefined &&
      select('layer').value === '' &&
      !this.isFinal(result)
    );
  }

  /** Whether a result has the chosen lambda. */
  isFinal(result: Result): boolean {
    return result.lambda === this.lambda && result.isPainted === this.strokes.has(this.frame);
  }

  /** Share of the noisy picture that approximates a lambda, in [0, 1]. */
  noiseShare(lambda: number): number {
    const decades = Math.log10(lambda / (this.result?.lambda ?? 1));
    return Math.min(1, Math.max(0, this.noisePerDecade * decades));
  }
}

/** Lambda of a share of noise to keep in percent. */
export function lambdaOf(percent: number): number {
  return Number((10 ** (percent / 100)).toFixed(2));
}
