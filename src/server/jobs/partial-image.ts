import type { Image, Plane } from '../../image/image.js';
import { plane, type Raster } from '../../image/raster.js';

/** A partial picture as a file: color in half floats, and alpha 1 where it is denoised. */
export function partialImage(partial: Raster): Image {
  const { width, height } = partial;
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const planes = [...'RGBA'].map((name, c): [string, Plane] => [
    name,
    // A copy: the work goes on.
    { name, type: 'half', data: plane(partial, c).slice() },
  ]);
  const part = { name: '', view: undefined, dataWindow: window, displayWindow: window };
  return { parts: [{ ...part, attributes: new Map(), planes: new Map(planes) }] };
}
