import type { Tensor } from '../engine/engine.js';
import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';

/** What a level of a frame is for the other frames of its window. All of the level's size; light is not exposed. */
export interface EstimatedLevel {
  /** What the frame's own kernels make of its colour at lambda = 1, then of further planes. */
  readonly light: Raster;
  readonly albedo?: Raster;
}

/** Another frame of the window. */
export interface JoinedFrame extends EstimatedLevel {
  readonly slot: number;
  /** From each pixel of the centre to its place, in pixels; NaN where it is not known. */
  readonly motion: Raster;
}

/** The centre of a window, joined with the others. */
export interface JoinTask {
  readonly center: EstimatedLevel;
  /** Light of the centre that is joined; that of `center`, if lambda is 1. */
  readonly own: Raster;
  /** Of the centre; without it the texture of its albedo is not given back. */
  readonly gate?: Raster;
  /** First planes of the colours within the light, that the gate works on. */
  readonly colors: readonly number[];
  readonly exposure: number;
  /** What the weights of the frames are written to, divided by their sum: the centre's, then those of the others in their order. */
  readonly shares?: Raster;
  /** Predicted kernels [1,4*4*slots,h/2,w/2] of an area at even coordinates. */
  readonly kernels: { readonly area: Tile; readonly tensor: Tensor };
}
