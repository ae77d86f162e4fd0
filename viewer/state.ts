import type { Opened } from './decoder.js';
import type { Range } from './false-color.js';
import type { Layer } from './layers.js';
import { input, select } from './page.js';
import { CURVES, type Look, type Slot } from './screen.js';
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
}

export interface Picture extends Size {
  /** Interleaved RGBA. */
  readonly data: Float32Array<ArrayBuffer>;
}

/** Value of the layer picker that shows the change since the frame before. */
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

/** What is open and what is shown. Every part of the viewer reads it; the part that changes a field is named at the field. */
export class State {
  /** Set by ShotOpener. */
  shot: Shot<File> = { frames: [], isDoubtful: false, ignored: [] };
  /** By index of the frame; set by Jobs. */
  results = new Map<number, Result>();
  /** Set by Playback. */
  frame = 0;
  layers: readonly Layer[] = [];
  pictures: Partial<Record<Slot, Picture>> = {};
  /** Region of the shown frame that was denoised with another lambda; set by LambdaPreview. */
  part: (Picture & Point) | undefined;
  view: View = { scale: 1, x: 0, y: 0 };
  split = 0.5;
  /** Whether the two sides of the split differ. */
  isCompared = false;
  range: Range = { low: 0, high: 1 };
  mode: Look['mode'] = 'light';
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

  get lambda(): number {
    return Number(input('lambda').value);
  }

  get exposure(): number {
    return Number(input('exposure').value);
  }

  get curve(): Look['curve'] {
    return CURVES.find((name) => name === select('curve').value) ?? 'filmic';
  }

  get result(): Result | undefined {
    return this.results.get(this.frame);
  }
}
