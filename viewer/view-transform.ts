/** Where a picture is on the screen: screen = scale * image + (x, y), both from their upper left corner. */
export interface View {
  /** Screen pixels of a pixel of the picture. */
  readonly scale: number;
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export const MIN_SCALE = 1 / 64;
export const MAX_SCALE = 64;

/** The whole picture in the middle of the screen, never magnified beyond its pixels' size times `most`. */
export function fitted(picture: Size, screen: Size, most = 1): View {
  const scale = clamp(
    Math.min(screen.width / picture.width, screen.height / picture.height),
    MIN_SCALE,
    Math.max(most, MIN_SCALE),
  );
  return {
    scale,
    x: (screen.width - scale * picture.width) / 2,
    y: (screen.height - scale * picture.height) / 2,
  };
}

/** Magnifies by a factor; what is at the anchor, a point of the screen, stays there. */
export function zoom(view: View, factor: number, anchor: Point): View {
  const scale = clamp(view.scale * factor, MIN_SCALE, MAX_SCALE);
  const ratio = scale / view.scale;
  return { scale, x: anchor.x - ratio * (anchor.x - view.x), y: anchor.y - ratio * (anchor.y - view.y) };
}

/** Moves by screen pixels; at least a margin of the picture stays on the screen. */
export function pan(view: View, dx: number, dy: number, picture: Size, screen: Size, margin = 32): View {
  const along = (offset: number, size: number, room: number): number => {
    const shown = Math.min(margin, view.scale * size, room);
    return clamp(offset, shown - view.scale * size, room - shown);
  };
  return {
    scale: view.scale,
    x: along(view.x + dx, picture.width, screen.width),
    y: along(view.y + dy, picture.height, screen.height),
  };
}

/** The pixel of the picture under a point of the screen; undefined beside it. */
export function pixelAt(view: View, { x, y }: Point, picture: Size): Point | undefined {
  const pixel = { x: Math.floor((x - view.x) / view.scale), y: Math.floor((y - view.y) / view.scale) };
  const inside = pixel.x >= 0 && pixel.y >= 0 && pixel.x < picture.width && pixel.y < picture.height;
  return inside ? pixel : undefined;
}

/** The pixels of the picture that are on the screen, whole; undefined where there are none. */
export function visibleRegion(view: View, picture: Size, screen: Size): (Point & Size) | undefined {
  const low = (offset: number): number => Math.max(0, Math.floor(-offset / view.scale));
  const high = (offset: number, room: number, size: number): number =>
    Math.min(size, Math.ceil((room - offset) / view.scale));
  const [x, y] = [low(view.x), low(view.y)];
  const width = high(view.x, screen.width, picture.width) - x;
  const height = high(view.y, screen.height, picture.height) - y;
  return width > 0 && height > 0 ? { x, y, width, height } : undefined;
}

/** Share of the screen left of the split after a step, in [0, 1]. */
export function moveSplit(split: number, step: number): number {
  return clamp(split + step, 0, 1);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Whether a region of the picture holds all of another one. */
export function contains(outer: Point & Size, inner: Point & Size): boolean {
  return (
    inner.x >= outer.x &&
    inner.y >= outer.y &&
    inner.x + inner.width <= outer.x + outer.width &&
    inner.y + inner.height <= outer.y + outer.height
  );
}

/** The pixels of the picture between two points of the screen, whole; undefined where there are none. */
export function regionBetween(
  view: View,
  one: Point,
  other: Point,
  picture: Size,
): (Point & Size) | undefined {
  const box = { x: Math.min(one.x, other.x), y: Math.min(one.y, other.y) };
  const size = { width: Math.abs(one.x - other.x), height: Math.abs(one.y - other.y) };
  return visibleRegion({ scale: view.scale, x: view.x - box.x, y: view.y - box.y }, picture, size);
}
