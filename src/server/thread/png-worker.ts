import { PNG } from 'pngjs';
import { displayExposure, straightColor, toneMap } from '../../image/tonemap.js';
import { serveJobs } from '../../threads/serve-jobs.js';
import type { DisplayPicture, PngJobs } from './encode-png.js';

function encode({ color, alpha, exposure = displayExposure(color) }: DisplayPicture): Uint8Array {
  const png = new PNG({ width: color.width, height: color.height });
  // Alpha of 0 everywhere is one that the renderer did not write: with it, nothing would be seen.
  const opacity =
    alpha?.data.some((value) => value < 1) && alpha.data.some((value) => value > 0) ? alpha : undefined;
  const pixels = toneMap(opacity ? straightColor(color, opacity) : color, exposure);
  for (const [i, value] of opacity?.data.entries() ?? []) pixels[4 * i + 3] = 255 * value;
  png.data = Buffer.from(pixels.buffer);
  return new Uint8Array(PNG.sync.write(png, { colorType: opacity ? 6 : 2 }));
}

serveJobs<PngJobs>({ encode }, { moves: true });
