import { expected, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from './raster.js';

export interface Warped {
  /** Zero where the place is outside the picture. */
  readonly warped: Raster;
  /** 1 for every pixel whose place is in the picture. */
  readonly inside: Uint8Array;
}

/**
 * Fetches every pixel p from p + offset(p), bilinearly between pixel centres.
 * @param offsets pixels, x and y (down), 2 channels.
 * @throws QuietframeError `mismatched-frames` when the sizes differ.
 */
export function warp(image: Raster, offsets: Raster): Warped {
  const { width, height, channels } = image;
  if (offsets.width !== width || offsets.height !== height || offsets.channels !== 2) {
    const received = `${offsets.width} x ${offsets.height} pixels of ${offsets.channels} channels`;
    const range = `${width} x ${height} pixels of 2 channels`;
    throw new QuietframeError('mismatched-frames', expected(range, 'the offsets of a warp', received));
  }
  const warped = raster(width, height, channels);
  const inside = new Uint8Array(width * height);
  const [right, down] = [plane(offsets, 0), plane(offsets, 1)];
  const planes = Array.from({ length: channels }, (_, c) => [plane(image, c), plane(warped, c)] as const);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const fromX = x + (right[i] as number);
      const fromY = y + (down[i] as number);
      if (!(fromX >= 0 && fromX <= width - 1 && fromY >= 0 && fromY <= height - 1)) continue;
      inside[i] = 1;
      const [x0, y0] = [Math.floor(fromX), Math.floor(fromY)];
      const [fx, fy] = [fromX - x0, fromY - y0];
      const at = y0 * width + x0;
      const stepX = x0 + 1 < width ? 1 : 0;
      const stepY = y0 + 1 < height ? width : 0;
      for (const [from, to] of planes) {
        const top = (1 - fx) * (from[at] as number) + fx * (from[at + stepX] as number);
        const bottom = (1 - fx) * (from[at + stepY] as number) + fx * (from[at + stepY + stepX] as number);
        to[i] = (1 - fy) * top + fy * bottom;
      }
    }
  }
  return { warped, inside };
}
