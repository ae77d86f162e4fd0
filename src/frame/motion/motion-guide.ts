import { opticalFlow } from '../../image/optical-flow.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import { displayExposure, luminance } from '../../image/tonemap.js';
import type { Frame } from '../frame.js';

/** What of a frame tells its surfaces apart. */
export type MotionLayers = Pick<Frame, 'color' | 'albedo' | 'normal'>;

/**
 * What frames are compared by to find motion: luminance of the albedo and normals, 1 and 3 channels, whichever there are;
 * without them, the tone-mapped luminance of the colour, smoothed against noise. All values are within [-1, 1].
 */
export function motionGuide({ color, albedo, normal }: MotionLayers): Raster {
  const layers = [albedo && luminance(albedo), normal].filter((layer) => layer !== undefined);
  if (layers.length === 0) return smoothed(toneMapped(color));
  const channels = layers.reduce((sum, layer) => sum + layer.channels, 0);
  const guide = raster(color.width, color.height, channels);
  let at = 0;
  for (const { data } of layers) {
    guide.data.set(data, at);
    at += data.length;
  }
  return guide;
}

/**
 * Motion that no renderer has told, from the guides of two frames: the content of pixel p of `from` is at p + motion(p) in
 * `to`, 2 channels, finite. Guides of colour are noisy and are matched at half of their size.
 */
export function estimateMotion(from: MotionLayers, to: MotionLayers): Raster {
  const [a, b] = [motionGuide(from), motionGuide(to)];
  const isNoisy = from.albedo === undefined && from.normal === undefined;
  return isNoisy ? opticalFlow(a, b, Math.ceil((a.width * a.height) / 3)) : opticalFlow(a, b);
}

function toneMapped(color: Raster): Raster {
  const light = luminance(color);
  const exposure = displayExposure(color);
  for (let i = 0; i < light.data.length; i++) {
    const value = Math.max(0, exposure * (light.data[i] as number));
    light.data[i] = value / (value + 1);
  }
  return light;
}

/** Binomial weights of a radius of 4 pixels, sigma 1.4. */
const WEIGHTS = [1, 8, 28, 56, 70, 56, 28, 8, 1].map((count) => count / 256);

function smoothed(image: Raster): Raster {
  const { width, height } = image;
  return along(along(image, width, 1, width), height, width, 1);
}

/** Smooths one channel along lines of `length` pixels that are `step` apart; `lineStep` lies between two lines. */
function along(image: Raster, length: number, step: number, lineStep: number): Raster {
  const result = raster(image.width, image.height, 1);
  const [from, to] = [plane(image, 0), plane(result, 0)];
  for (let line = 0; line < from.length / length; line++) {
    for (let i = 0; i < length; i++) {
      let sum = 0;
      for (const [k, weight] of WEIGHTS.entries()) {
        const j = Math.min(length - 1, Math.max(0, i + k - 4));
        sum += weight * (from[line * lineStep + j * step] as number);
      }
      to[line * lineStep + i * step] = sum;
    }
  }
  return result;
}
