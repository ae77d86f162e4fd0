import type { Raster } from '../image/raster.js';
import type { Tile } from '../image/region.js';
import { COLOR_CHANNELS } from './frame-pyramid.js';
import type { NeighborLevel, WindowTask } from './tile-tasks.js';

/** Times the second brightest of the frames, which their edges and their noise need; as `window_bound.py` has it. */
const SLACK = 2;

/**
 * Scales a tile of a joined window down where it is brighter than its frames say. Its bound is the center's single-frame result,
 * or twice the second brightest of all frames along motion, the center among them, times lambda. A light that stands still or
 * follows the motion is in two frames, and one that only the center has is in its own result. A light of one other frame is a
 * sample that hit a lamp by chance, or a lamp that has moved on: the join can give it almost all of the weight, where nothing else
 * in the neighborhood looks like the center.
 *
 * Brightness is the sum of the color's channels. All layers of three channels are scaled alike, which keeps their sums. The
 * single-frame results stay as they are, so that they can be cached.
 */
export function boundTile(task: WindowTask, tile: Tile): void {
  const { denoised, colors } = task;
  const { width, height, data } = denoised;
  const size = width * height;
  const gainAt = boundGain(task);
  for (let y = tile.y; y < tile.y + tile.height; y++) {
    for (let x = tile.x; x < tile.x + tile.width; x++) {
      const i = y * width + x;
      const gain = gainAt(x, y, brightness(data, i, size));
      if (gain === 1) continue;
      for (const channel of colors) {
        for (let c = channel; c < channel + COLOR_CHANNELS; c++) {
          data[c * size + i] = gain * (data[c * size + i] as number);
        }
      }
    }
  }
}

/** What a pixel of a joined level of some brightness is scaled by, as in {@link boundTile}: 1 where it is within its bound. */
export function boundGain({
  denoised,
  estimate,
  neighbors,
  logLambda,
}: WindowTask): (x: number, y: number, joined: number) => number {
  const { width, height } = denoised;
  const own = estimate.light.data;
  const others = neighbors.map((neighbor) => brightnessAt(neighbor, width, height));
  return (x, y, joined) => {
    const center = brightness(own, y * width + x, width * height);
    // Most pixels end here: lambda is 1 or more.
    if (!(joined > center)) return 1;
    let [first, second] = [center, 0];
    for (const at of others) {
      const other = at(x, y);
      if (other > first) [first, second] = [other, first];
      else if (other > second) second = other;
    }
    const bound = Math.max(center, SLACK * second) * lambdaAt(logLambda, x, y);
    return joined > bound ? bound / joined : 1;
  };
}

/** The brightness of the pixel of another frame that is nearest to where motion leads; 0 outside of it or where it is not known. */
function brightnessAt(
  { estimate, motion }: NeighborLevel,
  width: number,
  height: number,
): (x: number, y: number) => number {
  const { data } = estimate.light;
  const { data: offsets } = motion;
  const size = width * height;
  return (x, y) => {
    const i = y * width + x;
    const u = x + Math.floor((offsets[i] as number) + 0.5);
    const v = y + Math.floor((offsets[size + i] as number) + 0.5);
    return u >= 0 && u < width && v >= 0 && v < height ? brightness(data, v * width + u, size) : 0;
  };
}

function brightness(data: Float32Array, i: number, size: number): number {
  return (data[i] as number) + (data[size + i] as number) + (data[2 * size + i] as number);
}

/** The lambda of the cell of a pixel. */
function lambdaAt(logLambda: Raster | undefined, x: number, y: number): number {
  return logLambda === undefined
    ? 1
    : 10 ** (logLambda.data[(y >> 1) * logLambda.width + (x >> 1)] as number);
}
