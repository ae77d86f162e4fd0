import { plane, type Raster, raster } from '../image/raster.js';
import type { PknNetwork, PredictOptions } from './network.js';
import { type Filter, mapSize, PARAMETERS, type ParameterMap } from './parameter-map.js';

/** Rows that are predicted at once, and those around them that the prediction depends on; multiples of the network's cells. */
const STRIP_ROWS = 256;
const STRIP_OVERLAP = 32;

/**
 * The parameters that fit a picture of one channel, predicted strip by strip: the features of a photograph need 16 times its
 * memory.
 * @throws QuietframeError as `PknNetwork.predict`.
 */
export async function predictStrips(
  network: Pick<PknNetwork, 'predict'>,
  filter: Filter,
  picture: Raster,
  options: PredictOptions,
): Promise<ParameterMap> {
  const { width, height } = picture;
  const values = raster(mapSize(width), mapSize(height), Object.keys(PARAMETERS[filter]).length);
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const first = Math.max(top - STRIP_OVERLAP, 0);
    const end = Math.min(top + STRIP_ROWS + STRIP_OVERLAP, height);
    const strip = raster(width, end - first, 1, picture.data.slice(first * width, end * width));
    const { values: of } = await network.predict(filter, strip, options);
    const rows = Math.min(mapSize(Math.min(top + STRIP_ROWS, height)), values.height) - top / 2;
    const from = (top - first) / 2;
    for (let c = 0; c < values.channels; c++) {
      const source = plane(of, c).subarray(from * of.width, (from + rows) * of.width);
      plane(values, c).set(source, (top / 2) * values.width);
    }
  }
  return { filter, values };
}
