import { PNG } from 'pngjs';
import type { Raster } from '../image/raster.js';
import { displayExposure, toneMap } from '../image/tonemap.js';

/** Pixels between two pictures. */
const GAP = 4;

/** Pictures of one size next to each other as a PNG, all with the exposure of the last. */
export function sideBySide(pictures: readonly [Raster, ...Raster[]]): Uint8Array {
  const { width, height } = pictures[0];
  const exposure = displayExposure(pictures.at(-1) ?? pictures[0]);
  const sheet = new PNG({ width: pictures.length * (width + GAP) - GAP, height });
  for (const [index, picture] of pictures.entries()) {
    const tile = new PNG({ width, height });
    tile.data = Buffer.from(toneMap(picture, exposure).buffer);
    PNG.bitblt(tile, sheet, 0, 0, width, height, index * (width + GAP), 0);
  }
  return PNG.sync.write(sheet, { colorType: 2 });
}
