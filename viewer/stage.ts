import type { FrameDisplay } from './frame-display.js';
import type { LambdaPreview } from './lambda-preview.js';
import { byId, shortNumber } from './page.js';
import type { Picture, State } from './state.js';
import { fitted, moveSplit, pan, pixelAt, type View, zoom } from './view-transform.js';

/** The picture under the pointer: pan, zoom, split and values. */
export class Stage {
  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly preview: LambdaPreview,
  ) {
    const { canvas } = state;
    const handle = byId('split');
    new ResizeObserver(() => display.draw()).observe(canvas);
    onDrag(canvas, ({ movementX, movementY }) => this.pan(movementX, movementY));
    onDrag(handle, ({ clientX }) => {
      const { left, width } = canvas.getBoundingClientRect();
      state.split = moveSplit(0, (clientX - left) / width);
      display.draw();
    });
    canvas.addEventListener(
      'wheel',
      (event) => {
        event.preventDefault();
        this.zoom(2 ** (-event.deltaY / 240), { x: event.offsetX, y: event.offsetY });
      },
      { passive: false },
    );
    canvas.addEventListener('pointermove', ({ offsetX, offsetY }) => {
      const pixel = pixelAt(state.view, { x: offsetX, y: offsetY }, state.size);
      byId('readout').textContent = pixel === undefined ? '' : valuesAt(state, pixel.x, pixel.y);
    });
  }

  pan(dx: number, dy: number): void {
    this.#setView(pan(this.state.view, dx, dy, this.state.size, this.state.room));
  }

  /** Magnifies by a factor; the anchor is the middle by default. */
  zoom(factor: number, anchor = { x: this.state.room.width / 2, y: this.state.room.height / 2 }): void {
    this.#setView(zoom(this.state.view, factor, anchor));
  }

  fit(): void {
    this.#setView(fitted(this.state.size, this.state.room, 4));
  }

  actualSize(): void {
    this.zoom(1 / this.state.view.scale);
  }

  #setView(view: View): void {
    this.state.view = view;
    this.display.draw();
    this.preview.update();
  }
}

function onDrag(element: HTMLElement, move: (event: PointerEvent) => void): void {
  element.addEventListener('pointerdown', (event) => element.setPointerCapture(event.pointerId));
  element.addEventListener('pointermove', (event) => {
    if (element.hasPointerCapture(event.pointerId)) move(event);
  });
}

function valuesAt({ mode, pictures, part }: State, x: number, y: number): string {
  const channels = mode === 'value' ? 1 : 3;
  const values = ({ width, data }: Picture, left = x, top = y): string =>
    [...data.subarray(4 * (top * width + left), 4 * (top * width + left) + channels)]
      .map(shortNumber)
      .join('  ');
  const { noisy, denoised } = pictures;
  if (noisy === undefined || denoised === undefined) return '';
  if (noisy === denoised) return `${x}, ${y}\n${values(noisy)}`;
  const isInPart = part && x >= part.x && y >= part.y && x < part.x + part.width && y < part.y + part.height;
  const clean = isInPart ? values(part, x - part.x, y - part.y) : values(denoised);
  return `${x}, ${y}\nnoisy     ${values(noisy)}\ndenoised  ${clean}`;
}
