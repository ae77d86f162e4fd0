import type { FrameWindow } from '../../frame/frame-window.js';
import type { Raster } from '../../image/raster.js';
import type { LoadedFrame } from './load-frame.js';

/** Built frames, and the motion between them. */
export interface LoadedWindow extends FrameWindow<LoadedFrame> {
  /** By offset: from each pixel of the center to that neighbor; see `WindowFrame.motion`. */
  readonly motions: ReadonlyMap<number, Raster>;
}
