import { ModelRepository } from '../../engine/model-repository.js';
import { expected, QuietframeError, withFrameName } from '../../errors.js';
import { stringAttribute } from '../../exr/attribute.js';
import type { ExrPool } from '../../exr/pool.js';
import { resolveLayers } from '../../frame/layers/resolve-layers.js';
import { rasterOf } from '../../frame/planned-image.js';
import type { Image, Plane } from '../../image/image.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import { PARAMETERS, type ParameterMap } from '../../pkn/parameter-map.js';
import { WorkerPool } from '../../threads/worker-pool.js';
import { builtUrl } from '../../threads/worker-url.js';
import { VERSION } from '../../version.js';
import { mapChannels } from './apply-filter.js';
import { checkFilterOptions, FILTERS, type FilterOptions } from './filter-options.js';
import type { FilterJob, FilterJobResult } from './filter-worker.js';
import { isPng } from './png-picture.js';

const WORKER_URL = builtUrl('files/filter/filter-worker.js');

export interface FilterRequest extends FilterOptions {
  /** A PNG of 8 or 16 bits, or an OpenEXR file. */
  readonly picture: Uint8Array;
  /** An OpenEXR file of parameters, as an earlier run has written it, perhaps edited. */
  readonly parameters?: Uint8Array;
  readonly signal?: AbortSignal;
}

export interface FilteredFile {
  /** Of the format of the picture. */
  readonly bytes: Uint8Array;
  readonly type: 'png' | 'exr';
  /** An OpenEXR file with the parameters that were applied, at half the picture's size. */
  readonly parameters: Uint8Array;
  readonly report: {
    readonly filter: string;
    readonly width: number;
    readonly height: number;
    readonly sigma: number;
    readonly blur?: number;
    /** Means of the parameters. */
    readonly means: Readonly<Record<string, number>>;
  };
}

/** Filters pictures in a thread of its own. */
export class PictureFilter {
  readonly #pool: WorkerPool<FilterJob, FilterJobResult>;

  private constructor(
    folder: string,
    private readonly exr: Pick<ExrPool, 'header' | 'read' | 'replace' | 'write'>,
  ) {
    this.#pool = new WorkerPool(WORKER_URL, 1, { folder });
  }

  /** @throws QuietframeError `model-damaged`, `file-system`; `unknown-model` without a bundle of filters. */
  static async open(
    modelsDirectory: string,
    exr: Pick<ExrPool, 'header' | 'read' | 'replace' | 'write'>,
  ): Promise<PictureFilter> {
    const filter = await PictureFilter.find(modelsDirectory, exr);
    if (filter !== undefined) return filter;
    const message = expected('a bundle of filters', 'the folder of models', 'none');
    throw new QuietframeError('unknown-model', message);
  }

  /** As {@link PictureFilter.open}; nothing without a bundle of filters. Its thread starts with the first picture. */
  static async find(
    modelsDirectory: string,
    exr: Pick<ExrPool, 'header' | 'read' | 'replace' | 'write'>,
  ): Promise<PictureFilter | undefined> {
    const folder = (await ModelRepository.open(modelsDirectory)).filterFolders.at(-1);
    return folder === undefined ? undefined : new PictureFilter(folder, exr);
  }

  /**
   * Filters the color of a picture. A PNG is filtered as it is coded, an OpenEXR file in its scene-linear units; everything else
   * of it stays, but for `upscale`, whose file has the color and the alpha alone.
   * @throws QuietframeError `invalid-argument`, `missing-layer`, `cancelled`; as `ExrPool.read`.
   */
  readonly filter = async (request: FilterRequest): Promise<FilteredFile> => {
    const { picture, parameters, signal, ...options } = request;
    checkFilterOptions(options, parameters !== undefined);
    const map =
      parameters && (await withFrameName('parameters', () => this.#readMap(parameters, options, signal)));
    const job = { options, ...(map && { map }) };
    return withFrameName('picture', () => this.#filter(picture, job, signal));
  };

  async #filter(
    picture: Uint8Array,
    job: Omit<FilterJob, 'input'>,
    signal: AbortSignal | undefined,
  ): Promise<FilteredFile> {
    const { options } = job;
    if (isPng(picture)) {
      const result = await this.#run({ ...job, input: { png: picture } }, signal);
      return this.#answer(result.png ?? new Uint8Array(), 'png', result, signal);
    }
    const { parts } = this.exr.header(picture);
    const plan = resolveLayers(parts, {});
    const used = [plan.target, ...(plan.alpha ? [plan.alpha.target] : [])];
    const image = await this.exr.read(picture, {
      select: ({ index }, { name }) =>
        used.some(({ part, channels }) => part === index && channels.includes(name)),
      ...(signal && { signal }),
    });
    const color = rasterOf(image, plan.target) as Raster;
    const wrong = color.data.findIndex((value) => !Number.isFinite(value));
    if (wrong >= 0) {
      const message = expected('finite numbers', 'the colour of the picture', color.data[wrong]);
      throw new QuietframeError('invalid-argument', message, { layer: 'color' });
    }
    const alpha = plan.alpha && rasterOf(image, plan.alpha.target);
    const result = await this.#run({ ...job, input: { color, ...(alpha && { alpha }) } }, signal);
    const attributes = new Map([
      ['quietframe:filter', stringAttribute(FILTERS[options.with])],
      ['quietframe:software', stringAttribute(`quietframe ${VERSION}`)],
    ]);
    const { channels, part } = plan.target;
    if (options.with === 'upscale') {
      const letters = ['R', 'G', 'B', 'A'];
      const layers = [
        ...[0, 1, 2].map((c) => plane(result.color, c)),
        ...(result.alpha ? [result.alpha.data] : []),
      ];
      const planes = layers.map((data, c): Plane => ({ name: letters[c] as string, type: 'float', data }));
      const bytes = await this.exr.write(imageOf(result.color, planes, attributes), signal && { signal });
      return this.#answer(bytes, 'exr', result, signal);
    }
    const samples = new Map(channels.map((name, c) => [name, plane(result.color, c)]));
    const replacements = new Map([[part, samples]]);
    const bytes = await this.exr.replace(picture, replacements, { attributes, ...(signal && { signal }) });
    return this.#answer(bytes, 'exr', result, signal);
  }

  /** Ends the thread; requests that run reject with `cancelled`. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  async #run(job: FilterJob, signal: AbortSignal | undefined): Promise<FilterJobResult> {
    const result = await this.#pool.run(job);
    if (signal?.aborted) throw new QuietframeError('cancelled', 'The filtering was cancelled');
    return result;
  }

  async #answer(
    bytes: Uint8Array,
    type: 'png' | 'exr',
    { map, color, sigma, blur }: FilterJobResult,
    signal: AbortSignal | undefined,
  ): Promise<FilteredFile> {
    const planes = mapChannels(map).map((channel): Plane => ({ ...channel, type: 'float' }));
    const attributes = new Map([['quietframe:filter', stringAttribute(map.filter)]]);
    const parameters = await this.exr.write(imageOf(map.values, planes, attributes), signal && { signal });
    const means = Object.keys(PARAMETERS[map.filter]).map((name, c): [string, number] => {
      const values = plane(map.values, c);
      return [name, values.reduce((sum, value) => sum + value, 0) / values.length];
    });
    const { width, height } = color;
    return {
      ...{ bytes, type, parameters },
      report: {
        ...{ filter: map.filter, width, height, sigma },
        ...(blur !== undefined && { blur }),
        means: Object.fromEntries(means),
      },
    };
  }

  /** Maps have half the size of their picture, which the filter checks with their values. */
  async #readMap(
    file: Uint8Array,
    { with: name }: FilterOptions,
    signal: AbortSignal | undefined,
  ): Promise<ParameterMap> {
    const filter = FILTERS[name];
    const [part] = (await this.exr.read(file, signal && { signal })).parts;
    const names = Object.keys(PARAMETERS[filter]).map((parameter) => `parameters.${filter}.${parameter}`);
    const planes = names.map((channel) => {
      const found = part?.planes.get(channel);
      if (found !== undefined) return found.data;
      const message = expected(`a channel ${channel}`, 'the map of parameters', 'none');
      throw new QuietframeError('missing-layer', message, { parameter: 'parameters' });
    });
    const { xMin = 0, xMax = -1, yMin = 0, yMax = -1 } = part?.dataWindow ?? {};
    const values = raster(xMax - xMin + 1, yMax - yMin + 1, names.length);
    for (const [c, data] of planes.entries()) plane(values, c).set(data);
    return { filter, values };
  }
}

function imageOf(
  { width, height }: Raster,
  planes: readonly Plane[],
  attributes: ReadonlyMap<string, ReturnType<typeof stringAttribute>>,
): Image {
  const window = { xMin: 0, yMin: 0, xMax: width - 1, yMax: height - 1 };
  const part = { name: '', view: undefined, dataWindow: window, displayWindow: window, attributes };
  return { parts: [{ ...part, planes: new Map(planes.map((each) => [each.name, each])) }] };
}
