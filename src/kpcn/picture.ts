import { copyPadded, cropPadded, paddedSize } from '../image/pyramid.js';
import { type Raster, raster, type SharedRasters } from '../image/raster.js';
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

/** Rasters that guide the kernels of a level. */
const GUIDES = ['colorVariance', 'albedo', 'albedoVariance', 'normal', 'normalVariance'] as const;

/**
 * Copies a frame into shared memory, padded on the right and at the bottom by repeating the border so that every level
 * has whole pixels. Coarser levels are not filled yet.
 */
export function createPicture(
  inputs: EncoderInputs,
  also: readonly Raster[],
  levels: number,
  memory: SharedRasters,
): Picture {
  const { width, height } = inputs.color;
  const layers = [inputs.color, ...also];
  const radianceChannels = layers.reduce((sum, layer) => sum + layer.channels, 0);
  const guides = GUIDES.filter((name) => inputs[name] !== undefined);
  const size = (l: number): { width: number; height: number } => ({
    width: paddedSize(width, levels) / 2 ** l,
    height: paddedSize(height, levels) / 2 ** l,
  });
  const indices = Array.from({ length: levels }, (_, l) => l);
  const rasters = memory.allocate(
    indices.flatMap((l) => [
      ...(['radiance', 'denoised', 'composited'] as const)
        .filter((name) => name !== 'composited' || l < levels - 1)
        .map((name) => ({ name: `${name} ${l}`, ...size(l), channels: radianceChannels })),
      ...guides.map((name) => ({ name: `${name} ${l}`, ...size(l), channels: inputs[name]?.channels ?? 0 })),
    ]),
  );
  const at = (name: string, l: number): Raster => rasters.get(`${name} ${l}`) as Raster;
  const finest = at('radiance', 0);
  let channel = 0;
  for (const layer of layers) {
    copyPadded(layer, finest, channel);
    channel += layer.channels;
  }
  for (const name of guides) copyPadded(inputs[name] as Raster, at(name, 0));
  return {
    ...{ width, height, encoder: inputs.encoder },
    levels: indices.map((l) => ({
      ...size(l),
      radiance: at('radiance', l),
      colorVariance: at('colorVariance', l),
      ...Object.fromEntries(guides.map((name) => [name, at(name, l)])),
      denoised: at('denoised', l),
      composited: at(l === levels - 1 ? 'denoised' : 'composited', l),
    })),
  };
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
