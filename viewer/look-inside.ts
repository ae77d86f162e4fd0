import { falseColor } from './false-color.js';
import type { FrameDisplay } from './frame-display.js';
import { showError } from './messages.js';
import { byId, input, rowOf, select } from './page.js';
import type { ExplainedLevel, ExplainedPixel, Service } from './service.js';
import type { State } from './state.js';
import { type Point, pixelAt } from './view-transform.js';
import { requestedWindow } from './windows.js';

/** Shows what the network does for a clicked pixel: its kernels at each level, blend weights, and shares of the window. */
export class LookInside {
  #request: AbortController | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly service: Service,
  ) {
    state.turning.on(() => {
      this.#request?.abort();
      byId('inside-levels').replaceChildren();
      byId('inside-note').textContent = '';
    });
  }

  get isOn(): boolean {
    return input('inside').checked;
  }

  /** Explains the pixel under a place of the canvas in CSS pixels. */
  async explain(place: Point): Promise<void> {
    const { state, display } = this;
    const pixel = pixelAt(state.view, place, state.size);
    if (pixel === undefined) return;
    this.#request?.abort();
    const request = new AbortController();
    this.#request = request;
    const note = byId('inside-note');
    note.textContent = `Pixel ${pixel.x}, ${pixel.y} ...`;
    try {
      const { lambda, frame } = state;
      const { window, contents } = await requestedWindow(frame, state, display.pictures, lambda);
      const model = select('model').value;
      const wrap = select('wrap').value;
      const body = {
        lambda,
        ...window,
        outputs: 'kernels',
        pixels: `${pixel.x},${pixel.y}`,
        ...(model && { model }),
        ...(wrap && { wrap }),
      };
      const [explained] = await this.service.kernels(body, contents, request.signal);
      if (request.signal.aborted || explained === undefined) return;
      note.textContent = titleOf(explained, pixel);
      byId('inside-levels').replaceChildren(...explained.levels.map(figureOf));
    } catch (error) {
      if (request.signal.aborted) return;
      note.textContent = '';
      showError(error);
    }
  }
}

function titleOf({ denoisedWeight, levels }: ExplainedPixel, { x, y }: Point): string {
  const { size = 0 } = levels[0]?.kernel ?? {};
  const guarded = denoisedWeight < 1 ? `, ${percent(1 - denoisedWeight)} of the input given back` : '';
  return `Pixel ${x}, ${y}: kernels of ${size} x ${size} weights${guarded}`;
}

/** The kernel of a level as a picture, with its blend weight and the shares of the window's frames. */
function figureOf(level: ExplainedLevel, index: number): HTMLElement {
  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const { blendWeight, kernel, fusion } = level;
  const blend = blendWeight === undefined ? 'coarsest' : `blend weight ${blendWeight.toFixed(2)}`;
  caption.textContent = `Level ${index}: ${blend}`;
  figure.append(kernelPicture(kernel.size, kernel.weights), caption);
  if (fusion === undefined) return figure;
  const shares = [{ offset: 0, share: fusion.share }, ...fusion.frames].sort((a, b) => a.offset - b.offset);
  const table = document.createElement('table');
  table.append(rowOf('Frame', 'Share'));
  for (const { offset, share } of shares) {
    table.append(rowOf(`${offset > 0 ? '+' : ''}${offset}`, percent(share)));
  }
  figure.append(table);
  return figure;
}

/** Square roots of weights, so that small ones can be seen, relative to the largest. */
function kernelPicture(size: number, weights: readonly number[]): HTMLCanvasElement {
  const canvas = document.createElement('canvas');
  Object.assign(canvas, { width: size, height: size, className: 'kernel' });
  canvas.setAttribute('role', 'img');
  canvas.setAttribute('aria-label', `Kernel of ${size} x ${size} weights`);
  const most = Math.max(...weights, 1e-9);
  const bytes = new Uint8ClampedArray(4 * size * size).fill(255);
  weights.forEach((weight, i) => {
    bytes.set(falseColor(Math.sqrt(Math.max(0, weight) / most)), 4 * i);
  });
  canvas.getContext('2d')?.putImageData(new ImageData(bytes, size, size), 0, 0);
  return canvas;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
