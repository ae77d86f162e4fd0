import { MAX_PIXELS, type Pixel } from '../../denoise/kpcn/debug-outputs.js';
import { invalidArgument } from '../../errors.js';

/**
 * Pixels as texts have them: `x,y`, several with semicolons between.
 * @throws QuietframeError `invalid-argument`, naming the parameter.
 */
export function parsePixels(text: string, parameter = 'pixels'): Pixel[] {
  const pixels = text.split(';').map((pixel) => {
    const [x, y] = (/^(\d{1,7}),(\d{1,7})$/.exec(pixel.trim())?.slice(1) ?? []).map(Number);
    return x === undefined || y === undefined ? undefined : { x, y };
  });
  const found = pixels.flatMap((pixel) => pixel ?? []);
  if (found.length === pixels.length && found.length <= MAX_PIXELS) return found;
  const range = `x,y of at most ${MAX_PIXELS} pixels with semicolons between`;
  throw invalidArgument(range, parameter, text.slice(0, 80));
}
