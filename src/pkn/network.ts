import type { Engine, NetworkModule, Tensor } from '../engine/engine.js';
import { onnxEngine } from '../engine/onnxruntime/onnx-engine.js';
import { expected, invalidArgument, QuietframeError } from '../errors.js';
import { plane, type Raster, raster } from '../image/raster.js';
import { type PknBundle, readPknBundle } from './bundle.js';
import { checkNoiseSigma } from './noise-level.js';
import { type Filter, mapSize, PARAMETERS, type ParameterMap } from './parameter-map.js';

/** The networks were trained on pictures in units of eight times the standard deviation of their noise. */
const INPUT_SCALE = 0.125;

/** The network pools twice. */
const MULTIPLE = 4;

export interface PredictOptions {
  /** Standard deviation of the noise, above 0, in units of the picture. */
  readonly noiseSigma: number;
  /** Sigma of the blur to undo, in pixels; `polynomial-deblur` needs it and no other filter takes it. */
  readonly blurSigma?: number;
}

/** Predicts the parameters of filters at half resolution (Wronski 2021, figure 4). */
export class PknNetwork {
  private constructor(private readonly heads: ReadonlyMap<Filter, NetworkModule>) {}

  /** @throws QuietframeError `model-damaged` when a head does not load. */
  static async load(bundle: PknBundle, engine: Engine): Promise<PknNetwork> {
    const heads = new Map<Filter, NetworkModule>();
    for (const [filter, file] of bundle.heads) {
      // That of renders sees more than a picture; see PreviewNetwork.
      if (filter !== 'cross-bilateral') heads.set(filter, await engine.load(filter, file));
    }
    return new PknNetwork(heads);
  }

  /**
   * Loads the bundle of a folder, `models/pkn/<version>`. Predictions keep the thread busy that asks for them.
   * @throws QuietframeError `model-damaged`.
   */
  static async open(folder: string): Promise<PknNetwork> {
    return PknNetwork.load(await readPknBundle(folder), onnxEngine);
  }

  /** The filters that the network was trained for. */
  get filters(): readonly Filter[] {
    return [...this.heads.keys()];
  }

  /**
   * The parameters that fit a picture of one channel.
   * @throws QuietframeError `invalid-argument` for a picture of several channels or options out of range, `unknown-model`
   * when the network was not trained for the filter.
   */
  async predict(filter: Filter, picture: Raster, options: PredictOptions): Promise<ParameterMap> {
    const head = this.heads.get(filter);
    if (head === undefined) {
      const message = expected(`one of ${this.filters.join(', ')}`, 'filter', filter);
      throw new QuietframeError('unknown-model', message, { parameter: 'filter' });
    }
    const { width, height } = picture;
    const parameters = Object.keys(PARAMETERS[filter]).length;
    const x = networkInput(filter, picture, options);
    const [paddedHeight, paddedWidth] = [x.shape[2] / 2, x.shape[3] / 2];
    const shape = [1, parameters, paddedHeight, paddedWidth] as const;
    const output = { data: new Float32Array(parameters * paddedHeight * paddedWidth), shape };
    await head.run({ x }, { parameters: output });
    const values = raster(mapSize(width), mapSize(height), parameters);
    for (let c = 0; c < parameters; c++) {
      const to = plane(values, c);
      for (let y = 0; y < values.height; y++) {
        const from = (c * paddedHeight + y) * paddedWidth;
        to.set(output.data.subarray(from, from + values.width), y * values.width);
      }
    }
    return { filter, values };
  }
}

/** The picture in units of its noise, and the sigma of its blur; padded on the right and at the bottom. */
function networkInput(filter: Filter, picture: Raster, { noiseSigma, blurSigma }: PredictOptions): Tensor {
  checkNoiseSigma(noiseSigma);
  if (picture.channels !== 1) throw invalidArgument('1 channel', 'the picture', picture.channels);
  if (filter !== 'polynomial-deblur' && blurSigma !== undefined) {
    throw invalidArgument(`nothing with ${filter}`, 'blurSigma', blurSigma);
  }
  if (filter === 'polynomial-deblur' && !(blurSigma && blurSigma > 0 && Number.isFinite(blurSigma))) {
    throw invalidArgument('a finite number above 0', 'blurSigma', blurSigma);
  }
  const width = Math.ceil(picture.width / MULTIPLE) * MULTIPLE;
  const height = Math.ceil(picture.height / MULTIPLE) * MULTIPLE;
  const channels = blurSigma === undefined ? 1 : 2;
  const data = new Float32Array(channels * width * height);
  const scale = INPUT_SCALE / noiseSigma;
  for (let y = 0; y < height; y++) {
    const from = Math.min(y, picture.height - 1) * picture.width;
    for (let x = 0; x < width; x++) {
      data[y * width + x] = scale * (picture.data[from + Math.min(x, picture.width - 1)] as number);
    }
  }
  if (blurSigma !== undefined) data.fill(blurSigma, width * height);
  return { data, shape: [1, channels, height, width] };
}
