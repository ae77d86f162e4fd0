/**
 * A frame of a shot with those around it. A window keeps this shape from its files to the denoiser; only what stands for each
 * frame changes: a file, a planned file, a built frame.
 */
export interface FrameWindow<T> {
  /** The frame that is denoised. */
  readonly center: T;
  /** At most one for each offset, and none at 0. */
  readonly neighbors: readonly PlacedFrame<T>[];
}

/** What stands for a frame, and where in the window. */
export interface PlacedFrame<T> {
  /** Frames from the center: -1 is the frame before it. */
  readonly offset: number;
  readonly value: T;
}

/** The window with something else for each frame. */
export function mapWindow<T, U>({ center, neighbors }: FrameWindow<T>, map: (value: T) => U): FrameWindow<U> {
  return {
    center: map(center),
    neighbors: neighbors.map(({ offset, value }) => ({ offset, value: map(value) })),
  };
}

/** All frames in time order; the center has the offset 0. */
export function inTimeOrder<T>({ center, neighbors }: FrameWindow<T>): readonly PlacedFrame<T>[] {
  return [{ offset: 0, value: center }, ...neighbors].sort((a, b) => a.offset - b.offset);
}

/** The window without frames that are farther from the center than `reach`. */
export function withinReach<T>({ center, neighbors }: FrameWindow<T>, reach: number): FrameWindow<T> {
  return { center, neighbors: neighbors.filter(({ offset }) => Math.abs(offset) <= reach) };
}
