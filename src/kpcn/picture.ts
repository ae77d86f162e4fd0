import { copyPadded, cropPadded, paddedSize } from '../image/pyramid.js';
import { type Raster, raster, sharedRaster } from '../image/raster.js';
import type { EncoderInputs } from './source-encoder.js';

/** The channels of colour within {@link Level.radiance}; the further ones are filtered with the kernels of the colour. */
export const COLOR_CHANNELS = 3;

/** One level of the pyramid, all rasters of one size in shared memory. Light is not exposed. */
export interface Level {
  readonly width: number;
  readonly height: number;
  /** Noisy colour, then further planes that the same kernels filter. */
  readonly radiance: Raster;
  readonly colorVariance: Raster;
  readonly albedo?: Raster;
  readonly albedoVariance?: Raster;
  readonly normal?: Raster;
  readonly normalVariance?: Raster;
  /** The radiance after the kernels of this level. */
  readonly denoised: Raster;
  /** Composited with the coarser levels; at the coarsest level the denoised radiance itself. */
  readonly composited: Raster;
}

/** A frame on its way through the network; level 0 is the finest. */
export interface Picture {
  /** Without the padding of the levels. */
  readonly width: number;
  readonly height: number;
  /** The source encoder that fits the frame. */
  readonly encoder: string;
  readonly levels: readonly Level[];
}

/** The rasters of a level that the network reads, and how their variance behaves under averaging. */
export const LEVEL_INPUTS = [
  { name: 'radiance', scale: 1 },
  { name: 'colorVariance', scale: 1 / 4 },
  { name: 'albedo', scale: 1 },
  { name: 'albedoVariance', scale: 1 / 4 },
  { name: 'normal', scale: 1 },
  { name: 'normalVariance', scale: 1 / 4 },
] as const satisfies readonly { name: keyof Level; scale: number }[];

/**
 * Copies a frame into shared memory, padded on the right and at the bottom by repeating the border so that every level
 * has whole pixels. Coarser levels are still empty. A pixel takes `bytesPerPixel` of memory.
 */
export function createPicture(inputs: EncoderInputs, also: readonly Raster[], levels: number): Picture {
  const { width, height } = inputs.color;
  const layers = [inputs.color, ...also];
  const channels = layers.reduce((sum, layer) => sum + layer.channels, 0);
  const paddedWidth = paddedSize(width, levels);
  const paddedHeight = paddedSize(height, levels);
  const picture: Level[] = [];
  for (let l = 0; l < levels; l++) {
    const size = [paddedWidth / 2 ** l, paddedHeight / 2 ** l] as const;
    const denoised = sharedRaster(...size, channels);
    picture.push({
      width: size[0],
      height: size[1],
      radiance: sharedRaster(...size, channels),
      colorVariance: sharedRaster(...size, 1),
      ...(inputs.albedo && { albedo: sharedRaster(...size, 3) }),
      ...(inputs.albedoVariance && { albedoVariance: sharedRaster(...size, 1) }),
      ...(inputs.normal && { normal: sharedRaster(...size, 3) }),
      ...(inputs.normalVariance && { normalVariance: sharedRaster(...size, 1) }),
      denoised,
      composited: l === levels - 1 ? denoised : sharedRaster(...size, channels),
    });
  }
  const finest = picture[0] as Level;
  let channel = 0;
  for (const layer of layers) {
    copyPadded(layer, finest.radiance, channel);
    channel += layer.channels;
  }
  for (const { name } of LEVEL_INPUTS) {
    const source = name === 'radiance' ? undefined : inputs[name];
    const target = finest[name];
    if (source !== undefined && target !== undefined) copyPadded(source, target);
  }
  return { width, height, encoder: inputs.encoder, levels: picture };
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
