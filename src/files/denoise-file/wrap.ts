import type { BuiltFrame } from '../../frame/build-frame.js';
import type { Frame, InputWarning } from '../../frame/frame.js';
import { mapWindow } from '../../frame/frame-window.js';
import { type Raster, raster } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import { mapErrors } from '../../sampling/error-map.js';
import type { LoadedWindow } from '../window/loaded-window.js';
import type { DenoisedLayers } from './components.js';

/** Whether the left border continues at the right one: `auto` where a frame looks like a panorama. */
export type WrapMode = 'auto' | 'x' | 'none';

/** Columns that are repeated at both sides: what kernels of the coarsest of three levels, and their features, reach. */
const REACH = 128;
/** Sides are multiples of this, so that cells of all levels stay where they are. */
const ALIGNMENT = 8;

/** Where borders match, but not enough for `auto`. */
export function maybePanorama(): InputWarning {
  return {
    code: 'panorama',
    message: 'The width is twice the height and the borders match: a panorama needs wrap=x to have no seam',
    layer: 'color',
  };
}

/** Columns to repeat at each side of a frame; 0 for frames too narrow to have any. */
export function wrapReach(width: number): number {
  return Math.min(REACH, width - (width % ALIGNMENT));
}

/** A window whose frames continue beyond their left and right borders. */
export function wrapWindow(window: LoadedWindow, reach: number): LoadedWindow {
  const motions = [...window.motions].map(([offset, motion]) => [offset, wrapRaster(motion, reach)] as const);
  return {
    ...mapWindow(window, ({ built, key, name }) => ({
      ...{ name, built: wrapBuilt(built, reach), key: `${key} wrap` },
    })),
    motions: new Map(motions),
  };
}

/** A raster with the columns of the other border before its left and behind its right one. */
export function wrapRaster(image: Raster, reach: number): Raster {
  const { width, height, channels, data } = image;
  const wide = raster(width + 2 * reach, height, channels);
  for (let row = 0; row < height * channels; row++) {
    const [from, to] = [row * width, row * wide.width];
    wide.data.set(data.subarray(from + width - reach, from + width), to);
    wide.data.set(data.subarray(from, from + width), to + reach);
    wide.data.set(data.subarray(from, from + reach), to + reach + width);
  }
  return wide;
}

export function wrapRegion(region: Tile, reach: number): Tile {
  return { ...region, x: region.x + reach };
}

/** What was denoised of a wrapped window, without the repeated columns. */
export function unwrapLayers(result: DenoisedLayers, reach: number): DenoisedLayers {
  const { color, lights, alpha, fireflies, auxiliaries, debug, report } = result;
  const narrow = (image: Raster): Raster => unwrapRaster(image, reach);
  const errors = result.errors && mapErrors(result.errors, narrow);
  const { predictedError } = report;
  const { width: wide } = color;
  const width = wide - 2 * reach;
  return {
    ...result,
    color: narrow(color),
    lights: new Map([...lights].map(([name, light]) => [name, narrow(light)])),
    alpha: alpha && narrow(alpha),
    ...(errors && { errors }),
    ...(result.relativeVariance && { relativeVariance: narrow(result.relativeVariance) }),
    ...(errors &&
      predictedError && {
        report: {
          ...report,
          predictedError: { ...predictedError, smape: meanOf(errors.smape), dssim: meanOf(errors.dssim) },
        },
      }),
    ...(debug && {
      debug: {
        ...debug,
        ...(debug.levels && { levels: debug.levels.map(narrow) }),
        ...(debug.blendWeights && { blendWeights: debug.blendWeights.map(narrow) }),
        ...(debug.windowShares && { windowShares: debug.windowShares.map(narrow) }),
        ...(debug.gate && { gate: debug.gate.map(narrow) }),
      },
    }),
    ...(auxiliaries && {
      auxiliaries: {
        ...(auxiliaries.albedo && { albedo: narrow(auxiliaries.albedo) }),
        ...(auxiliaries.normal && { normal: narrow(auxiliaries.normal) }),
      },
    }),
    ...(fireflies && {
      fireflies: fireflies
        .filter((i) => i % wide >= reach && i % wide < reach + width)
        .map((i) => Math.floor(i / wide) * width + (i % wide) - reach),
    }),
  };
}

function meanOf({ data: values }: Raster): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function unwrapRaster(image: Raster, reach: number): Raster {
  const width = image.width - 2 * reach;
  const narrow = raster(width, image.height, image.channels);
  for (let row = 0; row < image.height * image.channels; row++) {
    const from = row * image.width + reach;
    narrow.data.set(image.data.subarray(from, from + width), row * width);
  }
  return narrow;
}

function wrapBuilt(built: BuiltFrame, reach: number): BuiltFrame {
  return {
    ...built,
    frame: wrapFrame(built.frame, reach),
    lights: new Map([...built.lights].map(([name, light]) => [name, wrapRaster(light, reach)])),
  };
}

function wrapFrame(frame: Frame, reach: number): Frame {
  const layers = Object.entries(frame).filter(
    (entry): entry is [string, Raster] => typeof entry[1] === 'object',
  );
  const wrapped = Object.fromEntries(layers.map(([name, layer]) => [name, wrapRaster(layer, reach)]));
  return { ...frame, ...wrapped, width: frame.width + 2 * reach };
}
