import type { FrameDisplay } from './frame-display.js';
import { inspect } from './inspector.js';
import type { LambdaPreview } from './lambda-preview.js';
import type { LookInside } from './look-inside.js';
import { byId, input } from './page.js';
import type { Brush } from './paint.js';
import type { State } from './state.js';
import { fitted, moveSplit, type Point, pan, regionBetween, type View, zoom } from './view-transform.js';

/** CSS pixels that a pointer may move between down and up for a click. */
const CLICK_REACH = 4;

/** The picture under pointers: pan, zoom, pinch, split, values, painting, and regions to denoise. */
export class Stage {
  /** Pointers that are down, by id, with their latest place. */
  readonly #pointers = new Map<number, Point>();
  #regionStart: Point | undefined;
  /** Where a pointer went down that has not moved. */
  #clickStart: Point | undefined;

  constructor(
    readonly state: State,
    readonly display: FrameDisplay,
    readonly preview: LambdaPreview,
    readonly brush: Brush,
    readonly inside: LookInside,
  ) {
    const { canvas } = state;
    const handle = byId('split');
    new ResizeObserver(() => display.draw()).observe(canvas);
    canvas.addEventListener('pointerdown', (event) => this.#down(event));
    canvas.addEventListener('pointermove', (event) => this.#move(event));
    for (const name of ['pointerup', 'pointercancel'] as const) {
      canvas.addEventListener(name, (event) => this.#up(event));
    }
    handle.addEventListener('pointerdown', (event) => handle.setPointerCapture(event.pointerId));
    handle.addEventListener('pointermove', ({ pointerId, clientX }) => {
      if (!handle.hasPointerCapture(pointerId)) return;
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

  #down(event: PointerEvent): void {
    this.state.canvas.setPointerCapture(event.pointerId);
    const place = { x: event.offsetX, y: event.offsetY };
    this.#pointers.set(event.pointerId, place);
    this.#regionStart = undefined;
    this.#clickStart = this.#pointers.size > 1 ? undefined : place;
    if (this.#pointers.size > 1 || this.state.pictures.noisy === undefined) return;
    if (event.shiftKey || input('region').checked) this.#regionStart = place;
    else if (this.brush.isOn) this.brush.begin(place);
  }

  #move(event: PointerEvent): void {
    const place = { x: event.offsetX, y: event.offsetY };
    const last = this.#pointers.get(event.pointerId);
    if (last !== undefined) {
      this.#pointers.set(event.pointerId, place);
      const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
      if (other !== undefined) this.#pinch(last, place, other);
      else if (this.#regionStart !== undefined) this.#showRegion(this.#regionStart, place);
      else if (this.brush.isOn) this.brush.move(place);
      else this.pan(place.x - last.x, place.y - last.y);
    }
    inspect(this.state, this.display, place);
  }

  #up(event: PointerEvent): void {
    this.#pointers.delete(event.pointerId);
    const [start, click] = [this.#regionStart, this.#clickStart];
    this.#regionStart = undefined;
    this.#clickStart = undefined;
    byId('marquee').hidden = true;
    if (event.type === 'pointercancel' || click === undefined) return;
    const end = { x: event.offsetX, y: event.offsetY };
    const isClick = Math.hypot(end.x - click.x, end.y - click.y) < CLICK_REACH;
    if (start === undefined) {
      if (isClick && this.inside.isOn && !this.brush.isOn) void this.inside.explain(end);
      return;
    }
    const region = regionBetween(this.state.view, start, end, this.state.size);
    if (region !== undefined && !isClick) void this.preview.denoiseRegion(region);
  }

  /** One of two fingers moves: the point between them stays with the picture. */
  #pinch(from: Point, to: Point, other: Point): void {
    const between = (one: Point): Point => ({ x: (one.x + other.x) / 2, y: (one.y + other.y) / 2 });
    const apart = (one: Point): number => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
    const [before, after] = [between(from), between(to)];
    const { view, size, room } = this.state;
    const zoomed = zoom(view, apart(to) / apart(from), before);
    this.#setView(pan(zoomed, after.x - before.x, after.y - before.y, size, room));
  }

  #showRegion(start: Point, end: Point): void {
    const { style } = byId('marquee');
    byId('marquee').hidden = false;
    style.left = `${Math.min(start.x, end.x)}px`;
    style.top = `${Math.min(start.y, end.y)}px`;
    style.width = `${Math.abs(start.x - end.x)}px`;
    style.height = `${Math.abs(start.y - end.y)}px`;
  }

  #setView(view: View): void {
    this.state.view = view;
    this.display.draw();
    this.preview.viewChanged();
  }
}
