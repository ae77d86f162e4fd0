import { type Engine, type NetworkModule, type Tensor, TensorMemory } from '../engine/engine.js';
import type { ModelBundle } from '../engine/model-repository.js';
import { ERROR_EPSILON } from '../image/metrics.js';
import type { Raster } from '../image/raster.js';
import { grow, type Tile } from '../image/region.js';
import type { ErrorMap } from './error-map.js';
import { ERROR_METRICS } from './error-metric.js';

/** Planes of the module's input: noisy 3, denoised 3, variance 1, albedo 3, normal 3. */
const INPUT_CHANNELS = 13;
/** A picture that was denoised, all rasters of one even size. Light is not exposed. */
export interface DenoisedPicture {
  /** Colour in the first 3 channels. */
  readonly noisy: Raster;
  readonly denoised: Raster;
  readonly colorVariance: Raster;
  readonly albedo?: Raster;
  readonly normal?: Raster;
}

/** Bytes that a pixel of a tile takes, its input and what the engine makes of it. */
export const ERROR_BYTES_PER_PIXEL = 512;

/** The error-predicting network of a model (Vogels et al. 2018, section 5). Not for use by two threads. */
export class ErrorPredictor {
  readonly #memory = new TensorMemory();

  private constructor(
    private readonly module: NetworkModule,
    private readonly overlap: number,
  ) {}

  /**
   * The predictor of a bundle; undefined where it has none.
   * @throws QuietframeError `model-damaged`.
   */
  static async load({ manifest, files }: ModelBundle, engine: Engine): Promise<ErrorPredictor | undefined> {
    const { errorPredictor } = manifest;
    const file = files.error_predictor;
    if (errorPredictor === undefined || file === undefined) return undefined;
    return new ErrorPredictor(await engine.load('error_predictor', file), errorPredictor.receptiveRadius);
  }

  /**
   * Predicts the errors of a tile at even coordinates.
   * @param exposure as the denoiser used it, a statistic of the whole picture.
   * @param target of the picture's size: SMAPE and DSSIM in the units of the picture.
   */
  async predictTile(picture: DenoisedPicture, exposure: number, tile: Tile, target: ErrorMap): Promise<void> {
    const { noisy, denoised, colorVariance, albedo, normal } = picture;
    const area = grow(tile, this.overlap, noisy.width, noisy.height);
    const x = this.#memory.tensor('x', INPUT_CHANNELS, area.height, area.width);
    const layers = [
      { layer: noisy, channels: 3, scale: exposure },
      { layer: denoised, channels: 3, scale: exposure },
      { layer: colorVariance, channels: 1, scale: exposure ** 2 },
      { layer: albedo, channels: 3, scale: 1 },
      { layer: normal, channels: 3, scale: 1 },
    ];
    let plane = 0;
    for (const { layer, channels, scale } of layers) {
      copyScaled(layer, channels, scale, area, x, plane);
      plane += channels;
    }
    const error = this.#memory.tensor('error', ERROR_METRICS.length, area.height, area.width);
    await this.module.run({ x }, { error });
    for (const [c, metric] of ERROR_METRICS.entries()) {
      const { width, data } = target[metric];
      for (let y = tile.y; y < tile.y + tile.height; y++) {
        const from = (c * area.height + y - area.y) * area.width + tile.x - area.x;
        data.set(error.data.subarray(from, from + tile.width), y * width + tile.x);
      }
    }
    toPictureUnits(denoised, exposure, tile, target.smape);
  }
}

/** The first channels of an area times a scale, or zeros where there is no such raster. */
function copyScaled(
  from: Raster | undefined,
  channels: number,
  scale: number,
  area: Tile,
  to: Tensor,
  plane: number,
): void {
  const size = area.width * area.height;
  if (from === undefined) {
    to.data.fill(0, plane * size, (plane + channels) * size);
    return;
  }
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < area.height; y++) {
      const source = (c * from.height + area.y + y) * from.width + area.x;
      const target = (plane + c) * size + y * area.width;
      for (let x = 0; x < area.width; x++) to.data[target + x] = scale * (from.data[source + x] as number);
    }
  }
}

/**
 * Takes the SMAPE of an exposed picture to that of the picture itself, whose denominator has the same guard but darker
 * values. The reference, which nobody has, is taken to be as bright as the denoised picture.
 */
function toPictureUnits(denoised: Raster, exposure: number, tile: Tile, smape: Raster): void {
  const plane = denoised.width * denoised.height;
  for (let y = tile.y; y < tile.y + tile.height; y++) {
    for (let x = tile.x; x < tile.x + tile.width; x++) {
      const i = y * denoised.width + x;
      let ratio = 0;
      for (let c = 0; c < 3; c++) {
        const sum = 2 * exposure * Math.abs(denoised.data[c * plane + i] as number);
        ratio += (sum + ERROR_EPSILON) / (sum + ERROR_EPSILON * exposure) / 3;
      }
      smape.data[i] = Math.min(1, ratio * (smape.data[i] as number));
    }
  }
}
