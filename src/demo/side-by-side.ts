import { PNG } from 'pngjs';
import { drawLabel, LABEL_HEIGHT } from '../image/label.js';
import type { Raster } from '../image/raster.js';
import { displayExposure, toneMap } from '../image/tonemap.js';

/** Pixels between two pictures, and around a label. */
const GAP = 6;

/**
 * Pictures of one size next to each other, each above its name, as a PNG
 * on white; all with the exposure of the last.
 */
export function sideBySide(pictures: Readonly<Record<string, Raster>>): Uint8Array {
  const entries = Object.entries(pictures);
  const [, last] = entries.at(-1) as [string, Raster];
  const { width, height } = last;
  const exposure = displayExposure(last);
  const sheet = new PNG({
    width: entries.length * (width + GAP) - GAP,
    height: height + LABEL_HEIGHT + 2 * GAP,
  });
  for (const [index, [name, picture]] of entries.entries()) {
    const left = index * (width + GAP);
    const tile = new PNG({ width, height });
    tile.data = Buffer.from(toneMap(picture, exposure).buffer);
    PNG.bitblt(tile, sheet, 0, 0, width, height, left, 0);
    drawLabel(name, (x, y) => {
      if (GAP + x >= width) return;
      const at = 4 * ((height + GAP + y) * sheet.width + left + GAP + x);
      sheet.data[at + 3] = 255;
    });
  }
  return PNG.sync.write(sheet, { colorType: 2 });
}
