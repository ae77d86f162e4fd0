import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { expected, QuietframeError } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { plane, type Raster, raster } from '../../image/raster.js';
import type { PknBundle } from '../../pkn/bundle.js';
import { estimateNoiseSigma } from '../../pkn/noise-level.js';
import {
  type Filter,
  mapSize,
  PARAMETERS,
  type ParameterMap,
  strengthenMap,
} from '../../pkn/parameter-map.js';
import { estimateBlurSigma } from '../../pkn/polynomial-deblur.js';
import { runConcurrently } from '../../threads/run-concurrently.js';
import type { DenoiseResult, PostProcessOptions } from '../types.js';
import type { DenoiseJob, DenoisePool, StageName } from '../worker/jobs.js';
import { checkFinish } from './finish-options.js';
import { channelsOf, display, guideNames, guideOf, joined } from './finish-planes.js';

/** Rows of a picture whose parameters are predicted at once, and those around them that the prediction depends on. */
const STRIP_ROWS = 256;
const STRIP_OVERLAP = 32;
/** Least noise that the heads were trained with, in units of the displayed picture. */
const LEAST_NOISE = 0.004;
/** Most bytes of denoised frames that wait for another magnification. */
const CACHE_BYTES = 256 * 2 ** 20;

/** Results by the digest of what they were made from; the oldest go first. */
interface Entry {
  readonly bytes: number;
  readonly result: DenoiseResult;
  /** Deblurred layers and maps by what they were made with. */
  readonly made: Map<string, Promise<unknown>>;
}

/**
 * Deblurs and magnifies denoised frames with parameters that a network predicts (Wronski 2021, sections 4.2 and 4.3). Denoised
 * frames and parameters are kept, so that another magnification of the same frame costs the resampling alone.
 */
export class PostProcessor {
  readonly #kept = new LRUCache<string, Entry>({
    maxSize: CACHE_BYTES,
    sizeCalculation: ({ bytes }) => bytes,
  });

  constructor(
    private readonly pool: DenoisePool,
    /** A bundle with the heads that are needed. */
    private readonly bundle: PknBundle | undefined,
  ) {}

  /**
   * @param denoise makes what is finished, where it was not made before.
   * @param inputs everything that the result of `denoise` depends on.
   * @throws QuietframeError as `denoise`; `cancelled`.
   */
  async finish(
    frame: Frame,
    inputs: unknown,
    also: readonly Raster[],
    options: PostProcessOptions,
    denoise: () => Promise<DenoiseResult>,
    signal: AbortSignal | undefined,
  ): Promise<DenoiseResult> {
    const start = performance.now();
    checkFinish(options, frame, also);
    if (this.bundle === undefined) {
      const message = expected('a bundle with filters as heads', 'the models', 'none');
      throw new QuietframeError('unknown-model', message, { parameter: 'model' });
    }
    const key = digestOf([frame, also, inputs]);
    const kept = this.#kept.get(key);
    const entry = kept ?? (await this.#keep(key, denoise));
    const stages: Partial<Record<StageName, number>> = {};
    const work = new FinishWork(this.pool, this.bundle, entry, options, signal, stages);
    const { strength = 1, upscale, guide } = options;
    const { color, also: others, parameters, deblurSigma } = await work.run(frame);
    return {
      ...entry.result,
      color,
      also: others,
      parameters: [...(entry.result.parameters ?? []), ...parameters],
      report: {
        ...entry.result.report,
        stages: { ...(kept === undefined && entry.result.report.stages), ...stages },
        seconds: (performance.now() - start) / 1000,
        finish: {
          ...(upscale !== undefined && { upscale }),
          ...(guide && { guides: guideNames(guide, frame) }),
          ...(deblurSigma !== undefined && { deblurSigma }),
          ...{ strength, cached: kept !== undefined },
        },
      },
    };
  }

  async #keep(key: string, denoise: () => Promise<DenoiseResult>): Promise<Entry> {
    const result = await denoise();
    // Deblurred layers may come on top.
    const rasters = [result.color, ...result.also, ...(result.parameters ?? []).map(({ values }) => values)];
    const bytes = 2 * rasters.reduce((sum, { data }) => sum + data.byteLength, 0);
    const entry: Entry = { bytes, result, made: new Map() };
    this.#kept.set(key, entry);
    return entry;
  }
}

/** One request for one denoised frame. */
class FinishWork {
  constructor(
    private readonly pool: DenoisePool,
    private readonly bundle: PknBundle,
    private readonly entry: Entry,
    private readonly options: PostProcessOptions,
    private readonly signal: AbortSignal | undefined,
    private readonly stages: Partial<Record<StageName, number>>,
  ) {}

  async run(frame: Frame): Promise<{
    color: Raster;
    also: Raster[];
    parameters: ParameterMap[];
    deblurSigma?: number;
  }> {
    const { deblur, upscale, strength = 1 } = this.options;
    let layers: readonly Raster[] = [this.entry.result.color, ...this.entry.result.also];
    const parameters: ParameterMap[] = [];
    let deblurSigma: number | undefined;
    let made = `${strength}`;
    if (deblur !== undefined) {
      const sharp = await this.#deblurred(layers, deblur, strength);
      deblurSigma = sharp.sigma;
      layers = sharp.layers;
      parameters.push(sharp.map);
      made = `${strength} deblurred ${deblur}`;
    }
    if (upscale !== undefined && upscale !== 1) {
      const predicted = await this.#once(`rbf-upsample ${deblur === undefined ? '' : made}`, () =>
        this.#predict('rbf-upsample', display(layers[0] as Raster, this.#exposure)),
      );
      const map = strengthenMap(predicted, strength);
      parameters.push(map);
      layers = await this.#magnified(layers, map, upscale, frame);
    }
    const [color, ...also] = layers as [Raster, ...Raster[]];
    return { color, also, parameters, ...(deblurSigma !== undefined && { deblurSigma }) };
  }

  get #exposure(): number {
    return this.entry.result.report.exposure;
  }

  #once<T>(name: string, make: () => Promise<T>): Promise<T> {
    const { made } = this.entry;
    const known = made.get(name) as Promise<T> | undefined;
    if (known !== undefined) return known;
    const making = make();
    made.set(name, making);
    making.catch(() => made.delete(name));
    return making;
  }

  /** Layers of light in logarithms, where overshoot beside a bright edge is small; others as they are. */
  #deblurred(
    layers: readonly Raster[],
    deblur: number | 'auto',
    strength: number,
  ): Promise<{ layers: readonly Raster[]; map: ParameterMap; sigma: number }> {
    return this.#once(`${strength} deblurred ${deblur}`, async () => {
      const picture = display(layers[0] as Raster, this.#exposure);
      const sigma = deblur === 'auto' ? estimateBlurSigma(picture) : deblur;
      const map = strengthenMap(await this.#predict('polynomial-deblur', picture, sigma), strength);
      const channels = layers.flatMap(channelsOf);
      const sharp = new Array<Raster>(channels.length);
      await this.#runAll(
        channels.map((channel, index) => ({
          ...{ kind: 'deblur', channel, index, map, sigma, exposure: this.#exposure },
        })),
        ({ index, channel }) => {
          sharp[index] = channel;
        },
      );
      return { layers: joined(layers, sharp), map, sigma };
    });
  }

  async #magnified(
    layers: readonly Raster[],
    map: ParameterMap,
    factor: number,
    frame: Frame,
  ): Promise<readonly Raster[]> {
    const guide = this.options.guide && guideOf(this.options.guide, frame);
    const albedo = guide && this.options.guide?.albedo;
    const jobs = layers.flatMap((layer) =>
      channelsOf(layer).map((channel, c) => {
        const surface =
          albedo && frame.albedo && layer.channels === 3
            ? { low: channelsOf(frame.albedo)[c] as Raster, high: channelsOf(albedo)[c] as Raster }
            : undefined;
        return { channel, ...(surface && { surface }) };
      }),
    );
    const large = new Array<Raster>(jobs.length);
    await this.#runAll(
      jobs.map((job, index) => ({
        ...{ kind: 'magnify', ...job, index, map, factor },
        ...(guide && { guide }),
      })),
      ({ index, channel }) => {
        large[index] = channel;
      },
    );
    return joined(layers, large);
  }

  async #predict(filter: Filter, picture: Raster, blurSigma?: number): Promise<ParameterMap> {
    const { width, height } = picture;
    const noiseSigma = Math.max(...estimateNoiseSigma(picture), LEAST_NOISE);
    const values = raster(mapSize(width), mapSize(height), Object.keys(PARAMETERS[filter]).length);
    const { name, version } = this.bundle;
    const jobs: DenoiseJob[] = [];
    for (let y = 0; y < height; y += STRIP_ROWS) {
      const top = Math.max(y - STRIP_OVERLAP, 0);
      const bottom = Math.min(y + STRIP_ROWS + STRIP_OVERLAP, height);
      const rows = picture.data.slice(top * width, bottom * width);
      jobs.push({
        ...{ kind: 'predict-filter', model: `${name}@${version}`, filter, noiseSigma },
        ...{ picture: raster(width, bottom - top, 1, rows), index: y },
        ...(blurSigma !== undefined && { blurSigma }),
      });
    }
    await this.#runAll(jobs, ({ index, channel }) => {
      const skipped = (index - Math.max(index - STRIP_OVERLAP, 0)) / 2;
      const count = mapSize(Math.min(STRIP_ROWS, height - index));
      for (let c = 0; c < values.channels; c++) {
        const from = plane(channel, c).subarray(skipped * values.width, (skipped + count) * values.width);
        plane(values, c).set(from, (index / 2) * values.width);
      }
    });
    return { filter, values };
  }

  async #runAll(
    jobs: readonly DenoiseJob[],
    take: (answer: { readonly index: number; readonly channel: Raster }) => void,
  ): Promise<void> {
    await runConcurrently(this.pool.size, jobs, this.signal, async (job) => {
      const { seconds, finished } = await this.pool.run('work', job);
      for (const [stage, spent] of Object.entries(seconds)) {
        this.stages[stage as StageName] = (this.stages[stage as StageName] ?? 0) + spent;
      }
      if (finished !== undefined) take(finished);
    });
  }
}

/** SHA-256 of all samples, and of all else that can be written down; functions and what has methods are not inputs. */
function digestOf(inputs: unknown): string {
  const hash = createHash('sha256');
  const add = (value: unknown): void => {
    if (ArrayBuffer.isView(value)) {
      hash.update(`${value.byteLength} bytes `);
      hash.update(new Uint8Array(value.buffer, value.byteOffset, value.byteLength));
    } else if (typeof value === 'object' && value !== null) {
      if (value instanceof EventTarget) return;
      for (const [name, each] of Object.entries(value)) {
        if (each === undefined || typeof each === 'function') continue;
        hash.update(`${JSON.stringify(name)}: `);
        add(each);
      }
      hash.update('; ');
    } else hash.update(`${typeof value} ${String(value)} `);
  };
  add(inputs);
  return hash.digest('hex');
}
