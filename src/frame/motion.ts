import { plane, type Raster, raster } from '../image/raster.js';
import type { MotionConvention } from './render-source.js';

/**
 * Where the content of a pixel is in the frames next to its own: offsets in pixels, y down, 2 channels. The content of
 * pixel p is at p + offset(p) in the other frame.
 */
export interface Motion {
  readonly toPrevious: Raster;
  readonly toNext: Raster;
}

/**
 * Motion from the samples of a renderer's layer; undefined where its convention is not known.
 * Cycles' X, Y are previous - centre and its Z, W centre - next, with y up.
 */
export function motionFromLayer(layer: Raster, convention: MotionConvention): Motion | undefined {
  if (convention === 'unknown' || layer.channels !== 4) return undefined;
  return { toPrevious: offsets(layer, 0, 1, -1), toNext: offsets(layer, 2, -1, 1) };
}

/** Two channels from `first` on, times the signs of x and y. */
function offsets(layer: Raster, first: number, signX: number, signY: number): Raster {
  const result = raster(layer.width, layer.height, 2);
  plane(result, 0).set(plane(layer, first).map((value) => signX * value));
  plane(result, 1).set(plane(layer, first + 1).map((value) => signY * value));
  return result;
}
