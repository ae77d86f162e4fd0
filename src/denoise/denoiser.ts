import { availableParallelism } from 'node:os';
import { DEVICE_CHOICES } from '../engine/device.js';
import { ENGINES } from '../engine/engine.js';
import type { ModelManifest } from '../engine/model-manifest.js';
import { ModelRepository } from '../engine/model-repository.js';
import { invalidArgument } from '../errors.js';
import type { Frame } from '../frame/frame.js';
import { SharedRasters } from '../image/raster.js';
import { checkRegion } from '../image/region.js';
import { type PknBundle, readPknBundle } from '../pkn/bundle.js';
import { Mutex } from '../threads/mutex.js';
import { builtUrl } from '../threads/worker-url.js';
import { checkNeighbors } from './check-neighbors.js';
import { checkSizes, modelId } from './check-request.js';
import type { FrameDenoiser } from './frame-denoiser.js';
import { checkPixels } from './kpcn/debug-outputs.js';
import { WindowDenoiser } from './kpcn/denoise-window.js';
import { type CacheStatistics, FeatureCache } from './kpcn/feature-cache.js';
import { type DeviceOutcome, openDevice } from './kpcn/gpu.js';
import { KpcnDenoiser } from './kpcn/kpcn-denoiser.js';
import { checkLambda } from './lambda.js';
import { PknDenoiser } from './pkn/pkn-denoiser.js';
import { PostProcessor } from './pkn/post-processor.js';
import { lightScale, scaleLight, unscaleLight } from './scale-light.js';
import type {
  DenoiseRequest,
  DenoiseResult,
  DenoiserOptions,
  ModelSummary,
  PostProcessOptions,
} from './types.js';
import type { DenoisePool, WorkerModels } from './worker/jobs.js';
import { openWorkers } from './worker/open-workers.js';

const WORKER_URL = builtUrl('denoise/worker/denoise-worker.js');

const DEFAULT_MEMORY_BUDGET = 512 * 2 ** 20;
const DEFAULT_FEATURE_CACHE = 2 ** 30;

/**
 * Denoises frames in worker threads. One frame is worked on at a time by all workers; others wait in order of arrival.
 * Whole-picture planes are shared between the workers, everything else exists for the tiles that are being computed only.
 */
export class Denoiser {
  readonly models: readonly ModelSummary[];
  readonly #repository: ModelRepository;
  readonly #pool: DenoisePool;
  readonly #turnstile = new Mutex();
  readonly #finisher: PostProcessor;
  readonly #featureCache: FeatureCache;
  readonly #networks: ReadonlyMap<ModelManifest, FrameDenoiser>;
  readonly #previews: readonly FrameDenoiser[];

  private constructor(
    repository: ModelRepository,
    previews: readonly PknBundle[],
    threads: number,
    memoryBudgetBytes: number,
    featureCacheBytes: number,
    models: WorkerModels,
    private readonly deviceOutcome: DeviceOutcome,
  ) {
    const device = deviceOutcome.device?.name ?? 'cpu';
    const bytesPerWorker = memoryBudgetBytes / threads;
    this.#repository = repository;
    this.#pool = openWorkers(WORKER_URL, threads, models);
    this.#finisher = new PostProcessor(this.#pool, previews.at(-1));
    this.#featureCache = new FeatureCache(featureCacheBytes);
    const windows = new WindowDenoiser(
      this.#pool,
      bytesPerWorker,
      this.#featureCache,
      deviceOutcome.device && { ...deviceOutcome.device, bytes: memoryBudgetBytes },
    );
    this.#networks = new Map(
      repository.bundles.map(({ manifest }) => [manifest, new KpcnDenoiser(manifest, windows, device)]),
    );
    const services = { pool: this.#pool, memory: new SharedRasters(), bytesPerWorker };
    this.#previews = previews.map((bundle) => new PknDenoiser(bundle, services));
    this.models = [...this.#networks.values(), ...this.#previews].map(({ summary }) => summary);
  }

  /** The folder of the newest bundle of filters, where there is one. */
  get filterFolder(): string | undefined {
    return this.#repository.filterFolders.at(-1);
  }

  /**
   * Reads and checks all models and loads them in every worker.
   * @throws QuietframeError `invalid-argument`, `file-system`, `model-damaged`; `device-unavailable` when a device was named and
   * does not work or differs from the CPU.
   */
  static async load(options: DenoiserOptions): Promise<Denoiser> {
    const {
      modelsDirectory,
      threads = availableParallelism(),
      memoryBudgetBytes = DEFAULT_MEMORY_BUDGET,
      featureCacheBytes = DEFAULT_FEATURE_CACHE,
      device = 'cpu',
      engine = 'onnx',
    } = options;
    if (!Number.isInteger(threads) || threads < 1 || threads > 256) {
      throw invalidArgument('a whole number from 1 to 256', 'threads', threads);
    }
    if (!(memoryBudgetBytes > 0))
      throw invalidArgument('a number above 0', 'memoryBudgetBytes', memoryBudgetBytes);
    if (!(featureCacheBytes >= 0))
      throw invalidArgument('a number from 0', 'featureCacheBytes', featureCacheBytes);
    if (!DEVICE_CHOICES.includes(device))
      throw invalidArgument(`one of ${DEVICE_CHOICES.join(', ')}`, 'device', device);
    if (!ENGINES.includes(engine)) throw invalidArgument(`one of ${ENGINES.join(', ')}`, 'engine', engine);
    if (engine !== 'onnx' && device !== 'cpu')
      throw invalidArgument(`cpu with engine ${engine}`, 'device', device);
    const repository = await ModelRepository.open(modelsDirectory);
    const filters = await Promise.all(repository.filterFolders.map(readPknBundle));
    const previews = filters.filter(({ heads }) => heads.has('cross-bilateral'));
    const models: WorkerModels = {
      engine,
      networks: new Map(repository.bundles.map((bundle) => [modelId(bundle.manifest), bundle])),
      previews: new Map(previews.map((bundle) => [modelId(bundle), bundle])),
    };
    const outcome = await openDevice(device, WORKER_URL, models);
    const denoiser = new Denoiser(
      ...([repository, previews, threads, memoryBudgetBytes, featureCacheBytes, models, outcome] as const),
    );
    try {
      for (const { manifest } of repository.bundles) await denoiser.#loadEverywhere(modelId(manifest));
    } catch (error) {
      await denoiser.close();
      throw error;
    }
    return denoiser;
  }

  /**
   * Denoises a frame.
   * @throws QuietframeError `invalid-argument`, `mismatched-frames` when rasters differ in size or frames of the window in
   * what they have, `unknown-model`, `not-implemented` where the model predicts no errors, `cancelled`, `internal`.
   */
  async denoise(frame: Frame, request: DenoiseRequest = {}): Promise<DenoiseResult> {
    const { lambda = 1, signal, also = [], neighbors = [], region } = request;
    checkSizes(frame, also);
    checkLambda(lambda, frame);
    checkNeighbors(frame, also, neighbors);
    if (region !== undefined) checkRegion(region, frame);
    const scale = lightScale(frame, request);
    if (scale !== 1) {
      const scaled = scaleLight(frame, request, scale);
      return unscaleLight(await this.denoise(scaled.frame, scaled.request), scale);
    }
    if (request.debug?.pixels !== undefined) checkPixels(request.debug.pixels, frame);
    const denoiser = this.#find(request.model, request.errors);
    if (request.finish !== undefined) return this.#finish(frame, denoiser, request, request.finish);
    denoiser.check(request);
    const leave = await this.#turnstile.enter(signal);
    try {
      return await denoiser.denoise(frame, request);
    } finally {
      leave();
    }
  }

  /** The errors and parameters of the result are those of the frame before it was finished, of its size. */
  async #finish(
    frame: Frame,
    denoiser: FrameDenoiser,
    { finish: _, ...request }: DenoiseRequest,
    options: Omit<PostProcessOptions, 'strength'>,
  ): Promise<DenoiseResult> {
    const { also = [], signal, strength } = request;
    const before = denoiser.beforeFinish(request);
    return this.#finisher.finish(
      frame,
      before,
      also,
      { ...options, ...(strength !== undefined && { strength }) },
      () => this.denoise(frame, before),
      signal,
    );
  }

  /** @throws QuietframeError `unknown-model`. */
  #find(model: string | undefined, errors = false): FrameDenoiser {
    const preview = this.#previews.find(
      ({ summary }) => model === summary.name || model === modelId(summary),
    );
    return preview ?? (this.#networks.get(this.#repository.find(model, errors).manifest) as FrameDenoiser);
  }

  /**
   * Frames that a model makes one from, at most; 1 for one without windows.
   * @param errors whether errors are predicted, too, as in the request.
   * @throws QuietframeError `unknown-model`.
   */
  windowSize(model?: string, errors = false): number {
    return this.#find(model, errors).windowSize;
  }

  /** Lookups and size of the cache of features. */
  get features(): CacheStatistics {
    return this.#featureCache.statistics;
  }

  /** Why `device: 'auto'` does not use a device that it has tried. */
  get deviceRefusals(): readonly string[] {
    return this.deviceOutcome.refusals;
  }

  /** Ends the workers; requests that wait or run reject with `cancelled`. */
  async close(): Promise<void> {
    await Promise.all([this.#pool.close(), this.deviceOutcome.device?.pool.close()]);
  }

  async #loadEverywhere(model: string): Promise<void> {
    // As many jobs as workers, all at once: every idle worker gets one.
    await Promise.all(Array.from({ length: this.#pool.size }, () => this.#pool.run('load', { model })));
  }
}
