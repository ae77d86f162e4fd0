import { copyPadded, cropPadded, downsample, paddedSize } from '../image/pyramid.js';
import { type Raster, raster, type SharedRasters } from '../image/raster.js';
import { downsampleMotion } from './level-motion.js';
import type { EncoderInputs } from './source-encoder.js';

/** The channels of colour within {@link FrameLevel.radiance}; the further ones are filtered with the kernels of the colour. */
export const COLOR_CHANNELS = 3;
export const ALBEDO_CHANNELS = 3;

/** One level of the pyramid of a frame, all rasters of one size in shared memory. Light is not exposed. */
export interface FrameLevel {
  readonly width: number;
  readonly height: number;
  /** Noisy colour, then further planes that the same kernels filter. */
  readonly radiance: Raster;
  readonly colorVariance: Raster;
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
}

/** A level of the frame that is denoised. */
export interface Level extends FrameLevel {
  /** The radiance after the kernels of this level. */
  readonly denoised: Raster;
  /** Composited with the coarser levels; at the coarsest level the denoised radiance itself. */
  readonly composited: Raster;
}

/** A frame on its way through the network; level 0 is the finest. */
export interface Picture<AnyLevel extends FrameLevel = Level> {
  /** Without the padding of the levels. */
  readonly width: number;
  readonly height: number;
  /** The source encoder that fits the frame. */
  readonly encoder: string;
  /** Whether the colour is irradiance, in which there is no albedo. */
  readonly irradiance: boolean;
  /** First channels within the radiance of the layers with three, which albedo works on; the colour's is 0. */
  readonly colors: readonly number[];
  readonly levels: readonly AnyLevel[];
}

/** Rasters of one size each, level 0 the finest, and how they become those of the next level. */
export interface Pyramid {
  readonly levels: readonly Raster[];
  /** Times the 2 x 2 mean; the variance of a mean of four is a quarter. `motion`: in pixels of the level, NaN not known. */
  readonly scale: number | 'motion';
}

/** Rasters that guide the kernels of a level. */
const GUIDES = ['colorVariance', 'albedo', 'albedoVariance', 'normal', 'normalVariance'] as const;
const SCALES = {
  radiance: 1,
  colorVariance: 1 / 4,
  albedo: 1,
  albedoVariance: 1 / 4,
  normal: 1,
  normalVariance: 1 / 4,
} as const;

/**
 * Rasters of pyramids in shared memory for frames of a size, rounded up so that every level has whole pixels.
 * @param levels that are rounded for.
 * @param pyramids channels and number of levels of each.
 */
export function allocatePyramids(
  { width, height }: { readonly width: number; readonly height: number },
  levels: number,
  pyramids: readonly { readonly channels: number; readonly levels: number }[],
  memory: SharedRasters,
): Raster[][] {
  const size = { width: paddedSize(width, levels), height: paddedSize(height, levels) };
  const rasters = memory.allocate(
    pyramids.flatMap(({ channels, levels: count }, i) =>
      Array.from({ length: count }, (_, l) => ({
        ...{ name: `${i} ${l}`, channels },
        ...{ width: size.width / 2 ** l, height: size.height / 2 ** l },
      })),
    ),
  );
  return pyramids.map(({ levels: count }, i) =>
    Array.from({ length: count }, (_, l) => rasters.get(`${i} ${l}`) as Raster),
  );
}

/** Copies layers into the channels of the finest level; the padding repeats the border. */
export function fillPyramid(levels: readonly Raster[], layers: readonly Raster[]): void {
  let channel = 0;
  for (const layer of layers) {
    copyPadded(layer, levels[0] as Raster, channel);
    channel += layer.channels;
  }
}

/** A frame in shared memory as its kernels see it, without targets. Coarser levels are not filled yet. */
export function createFramePicture(
  inputs: EncoderInputs,
  also: readonly Raster[],
  levels: number,
  memory: SharedRasters,
  irradiance = false,
): Picture<FrameLevel> {
  return assemble(inputs, also, levels, memory, irradiance, false).picture;
}

/** A frame in shared memory, with targets for what becomes of it. Coarser levels are not filled yet. */
export function allocateFramePyramid(
  inputs: EncoderInputs,
  also: readonly Raster[],
  levels: number,
  memory: SharedRasters,
  irradiance = false,
): Picture {
  const { picture, targets } = assemble(inputs, also, levels, memory, irradiance, true);
  const [denoised = [], composited = []] = targets;
  return {
    ...picture,
    levels: picture.levels.map((level, l) => ({
      ...level,
      denoised: denoised[l] as Raster,
      composited: (l === levels - 1 ? denoised[l] : composited[l]) as Raster,
    })),
  };
}

function assemble(
  inputs: EncoderInputs,
  also: readonly Raster[],
  levels: number,
  memory: SharedRasters,
  irradiance: boolean,
  withTargets: boolean,
): { picture: Picture<FrameLevel>; targets: Raster[][] } {
  const { width, height } = inputs.color;
  const layers = [inputs.color, ...also];
  const channels = channelsOf(layers);
  const guides = GUIDES.filter((name) => inputs[name] !== undefined);
  const targetLevels = withTargets ? [levels, levels - 1] : [];
  const [radiance = [], ...others] = allocatePyramids(
    inputs.color,
    levels,
    [
      { channels, levels },
      ...guides.map((name) => ({ channels: inputs[name]?.channels ?? 0, levels })),
      ...targetLevels.map((count) => ({ channels, levels: count })),
    ],
    memory,
  );
  fillPyramid(radiance, layers);
  for (const [i, name] of guides.entries()) fillPyramid(others[i] ?? [], [inputs[name] as Raster]);
  const picture = {
    ...{ width, height, encoder: inputs.encoder, irradiance, colors: colorsOf(layers) },
    levels: radiance.map((light, l) => ({
      ...{ width: light.width, height: light.height, radiance: light },
      colorVariance: others[0]?.[l] as Raster,
      ...Object.fromEntries(guides.map((name, i) => [name, others[i]?.[l]])),
    })),
  };
  return { picture, targets: others.slice(guides.length) };
}

/** Copies the guides of a frame into the finest level, over those that the picture was created with. */
export function fillGuides({ levels }: Picture<FrameLevel>, inputs: EncoderInputs): void {
  const [finest] = levels;
  for (const name of GUIDES) {
    const [from, to] = [inputs[name], finest?.[name]];
    if (from !== undefined && to !== undefined) fillPyramid([to], [from]);
  }
}

/** Sum of the channels of layers. */
export function channelsOf(layers: readonly Raster[]): number {
  return layers.reduce((sum, { channels }) => sum + channels, 0);
}

function colorsOf(layers: readonly Raster[]): number[] {
  const firsts = layers.map((_, i) => channelsOf(layers.slice(0, i)));
  return firsts.filter((_, i) => layers[i]?.channels === COLOR_CHANNELS);
}

/** The pyramids that the levels of a frame are slices of. */
export function pyramidsOf({ levels }: Picture<FrameLevel>): Pyramid[] {
  const names = Object.keys(SCALES) as (keyof typeof SCALES)[];
  return names
    .map((name) => ({ levels: levels.map((level) => level[name]), scale: SCALES[name] }))
    .filter((pyramid): pyramid is { levels: Raster[]; scale: number } => pyramid.levels[0] !== undefined);
}

/** Rows `begin` to `end` of the finest level, multiples of 2^(levels - 1), in all coarser levels. */
export function coarsen(pyramids: readonly Pyramid[], begin: number, end: number): void {
  for (const { levels, scale } of pyramids) {
    for (let l = 1; l < levels.length; l++) {
      const [fine, coarse] = [levels[l - 1] as Raster, levels[l] as Raster];
      const [top, bottom] = [begin / 2 ** l, end / 2 ** l];
      if (scale === 'motion') downsampleMotion(fine, coarse, top, bottom);
      else downsample(fine, coarse, top, bottom, scale);
    }
  }
}

/** The composited colour and the further layers, in the size of the frame. */
export function pictureResult(picture: Picture, also: readonly Raster[]): { color: Raster; also: Raster[] } {
  const { composited } = picture.levels[0] as Level;
  let channel = 0;
  const layer = (channels: number): Raster => {
    const result = raster(picture.width, picture.height, channels);
    cropPadded(composited, result, channel);
    channel += channels;
    return result;
  };
  return { color: layer(COLOR_CHANNELS), also: also.map(({ channels }) => layer(channels)) };
}
