import { writeExr } from '../src/exr/write-exr.js';
import type { FrameDisplay } from './frame-display.js';
import { button, byId, input } from './page.js';
import { lambdaOf, type Picture, type State } from './state.js';
import { type Point, pixelAt } from './view-transform.js';

/** Paints how much noise to keep, pixel by pixel, over the share of the slider. */
export class Brush {
  #last: Point | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
  ) {
    input('brush').addEventListener('change', () => {
      byId('stage').classList.toggle('painting', this.isOn);
      display.draw();
    });
    input('brush-keep').addEventListener('input', () => display.draw());
    button('brush-clear').addEventListener('click', () => {
      state.strokes.delete(state.frame);
      this.#changed();
    });
  }

  get isOn(): boolean {
    return input('brush').checked && this.state.mode === 'light';
  }

  /** Begins a stroke at a place of the canvas in CSS pixels. */
  begin(place: Point): void {
    this.#last = undefined;
    this.#changed();
    this.move(place);
  }

  /** Paints from the last place to this one. */
  move(place: Point): void {
    const { state, display } = this;
    const { view, size } = state;
    const end = { x: (place.x - view.x) / view.scale, y: (place.y - view.y) / view.scale };
    const start = this.#last ?? end;
    this.#last = end;
    const strokes = this.#strokes();
    const radius = Number(input('brush-size').value) / view.scale / 2;
    const lambda = lambdaOf(Number(input('brush-keep').value));
    const rows = paintLine(strokes, start, end, radius, lambda, state.noiseShare(lambda));
    if (rows !== undefined) display.screen.update('strokes', rows.top, rows.bottom - rows.top, strokes);
    if (pixelAt(view, place, size) !== undefined || rows !== undefined) display.draw();
  }

  #strokes(): Picture {
    const { state } = this;
    const { width, height } = state.size;
    const strokes = state.strokes.get(state.frame) ?? {
      width,
      height,
      data: new Float32Array(4 * width * height),
    };
    state.strokes.set(state.frame, strokes);
    this.display.screen.set('strokes', width, height, strokes.data);
    return strokes;
  }

  /** A denoised region has another map. */
  #changed(): void {
    this.state.part = undefined;
    this.display.draw();
  }
}

/** Sets lambda and its share of noise in all pixels near a line; returns the rows that changed. */
export function paintLine(
  { width, height, data }: Picture,
  start: Point,
  end: Point,
  radius: number,
  lambda: number,
  share: number,
): { top: number; bottom: number } | undefined {
  const reach = Math.max(radius, 0.5);
  const low = (a: number, b: number): number => Math.max(0, Math.floor(Math.min(a, b) - reach));
  const high = (a: number, b: number, most: number): number =>
    Math.min(most, Math.ceil(Math.max(a, b) + reach));
  const [left, right] = [low(start.x, end.x), high(start.x, end.x, width)];
  const [top, bottom] = [low(start.y, end.y), high(start.y, end.y, height)];
  const [alongX, alongY] = [end.x - start.x, end.y - start.y];
  const length = alongX ** 2 + alongY ** 2;
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const [dx, dy] = [x + 0.5 - start.x, y + 0.5 - start.y];
      const along = length === 0 ? 0 : Math.min(1, Math.max(0, (dx * alongX + dy * alongY) / length));
      if (Math.hypot(dx - along * alongX, dy - along * alongY) > reach) continue;
      data[4 * (y * width + x)] = lambda;
      data[4 * (y * width + x) + 1] = share;
    }
  }
  return bottom > top && right > left ? { top, bottom } : undefined;
}

/** The painted map as an OpenEXR file with a channel `lambda`, which is `lambda` where nothing is painted. */
export function lambdaMap({ width, height, data }: Picture, lambda: number): Blob {
  const values = Float32Array.from({ length: width * height }, (_, i) => data[4 * i] || lambda);
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const plane = { name: 'lambda', type: 'float', data: values } as const;
  const file = writeExr({
    parts: [
      {
        name: '',
        view: undefined,
        dataWindow: window,
        displayWindow: window,
        attributes: new Map(),
        planes: new Map([['lambda', plane]]),
      },
    ],
  });
  return new Blob([new Uint8Array(file)]);
}
