import type { ModelManifest } from '../../engine/model-manifest.js';
import { QuietframeError } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { raster, SharedRasters } from '../../image/raster.js';
import { grow, type Tile } from '../../image/region.js';
import {
  allocateFramePyramid,
  createFramePicture,
  fillGuides,
  type Level,
  type Picture,
  type Pyramid,
  pictureResult,
  pyramidsOf,
} from '../../kpcn/frame-pyramid.js';
import { encoderInputs, windowEncoders } from '../../kpcn/source-encoder.js';
import { NEIGHBOR_OFFSETS } from '../../kpcn/temporal-features.js';
import { ERROR_BYTES_PER_PIXEL } from '../../sampling/error-predictor.js';
import { differing } from '../check-neighbors.js';
import { meanLambda } from '../lambda.js';
import { partialWriter } from '../partial-picture.js';
import { levelAreas, Tiling, wholeOf } from '../tiling.js';
import type { DenoiseResult, PrefilterOutcome } from '../types.js';
import type { DenoisePool } from '../worker/jobs.js';
import { RequestJobs } from '../worker/progress-tracker.js';
import { AuxiliaryCleaner, checkPrefilter, copyAuxiliaries, prefilterOutcome } from './clean-auxiliaries.js';
import { compositeJobs, compositionTiles } from './composition.js';
import { CpuBackend } from './cpu-backend.js';
import { allocateDebugRasters, checkKernelOutput, debugOutputs } from './debug-outputs.js';
import type { FeatureCache, FeatureLease } from './feature-cache.js';
import { GpuBackend } from './gpu-backend.js';
import type { FilterTask, KernelBackend, OtherFrame } from './kernel-backend.js';
import { GUARD_RADIUS } from './shrinkage.js';
import {
  assembled,
  cropPrediction,
  meanErrors,
  type SeenLight,
  seenLight,
  sharedPrediction,
  withoutGate,
  withVariances,
} from './window-light.js';
import { coarsenJobs, lambdaPyramid, motionPyramid } from './window-pyramids.js';
import type { FrameDevice, WindowRequest } from './window-request.js';

/** Denoises a frame, alone or in its window, with a network that predicts kernels. For one request at a time. */
export class WindowDenoiser {
  readonly #memory = new SharedRasters();
  readonly #frameMemory = new SharedRasters();
  readonly #auxiliaryMemory = new SharedRasters();
  readonly #lambdaMemory = new SharedRasters();
  readonly #motionMemory = NEIGHBOR_OFFSETS.map(() => new SharedRasters());
  readonly #tiling: Tiling;

  /** @param bytesPerWorker for the tile that each worker computes. */
  constructor(
    private readonly pool: DenoisePool,
    private readonly bytesPerWorker: number,
    private readonly cache: FeatureCache,
    private device?: FrameDevice,
  ) {
    this.#tiling = new Tiling(bytesPerWorker, pool.size);
  }

  /**
   * On the device, where there is one; a device that fails is not used again, and the CPU does its work.
   * @throws QuietframeError `mismatched-frames`, `cancelled`, `internal`; `not-implemented` where a prefilter is wanted that
   * the model does not have.
   */
  async denoise(frame: Frame, manifest: ModelManifest, request: WindowRequest): Promise<DenoiseResult> {
    checkPrefilter(request, manifest);
    checkKernelOutput(request, manifest);
    // A device stores neither kernels nor what they are made of.
    if (this.device === undefined || request.debug !== undefined)
      return this.#denoiseOn(undefined, frame, manifest, request);
    try {
      return await this.#denoiseOn(this.device, frame, manifest, request);
    } catch (error) {
      const failed = error instanceof QuietframeError && error.code === 'device-unavailable';
      if (!failed) throw error;
      this.device = undefined;
      return this.#denoiseOn(undefined, frame, manifest, request);
    }
  }

  async #denoiseOn(
    device: FrameDevice | undefined,
    frame: Frame,
    manifest: ModelManifest,
    request: WindowRequest,
  ): Promise<DenoiseResult> {
    const lease = this.cache.lease();
    let whole = false;
    let result: DenoiseResult;
    try {
      result = await this.#denoise(device, frame, manifest, request, lease);
      whole = true;
    } finally {
      lease.end(whole);
    }
    const { hits, misses } = lease.lookups;
    if (hits + misses === 0) return result;
    const features = { hits, misses, bytes: this.cache.statistics.bytes };
    return { ...result, report: { ...result.report, features } };
  }

  async #denoise(
    device: FrameDevice | undefined,
    frame: Frame,
    manifest: ModelManifest,
    request: WindowRequest,
    lease: FeatureLease,
  ): Promise<DenoiseResult> {
    const start = performance.now();
    const jobs = new RequestJobs(this.pool, request.signal, request.onProgress);
    const { task, light, encoders, prefilter } = this.#prepare(frame, manifest, request, jobs, lease);
    const { picture } = task;
    if (request.partial !== undefined) jobs.onDone = partialWriter(request.partial, picture);
    const cleaner = this.#cleaner(manifest, jobs, lease);
    const filter: KernelBackend =
      device === undefined
        ? new CpuBackend(task, this.#tiling, this.cache.limitBytes)
        : new GpuBackend(task, device.pool, new Tiling(device.bytes, 1));
    jobs.time('prepare', (performance.now() - start) / 1000);

    const composition = compositionTiles(task, this.#tiling);
    const prediction = request.errors ? sharedPrediction(picture) : undefined;
    const errorTiles = prediction === undefined ? [] : this.#errorTiles(picture, manifest);
    const cleansCenter = task.prefiltered && (filter.readsCenter || request.errors || request.auxiliaries);
    for (const other of filter.unknown) if (other.prefiltered) cleaner?.plan(frame);
    if (cleansCenter) cleaner?.plan(frame);
    filter.plan();
    for (const tiles of composition) jobs.plan('composite', tiles);
    jobs.plan('predict-errors', errorTiles);

    for (const other of filter.unknown) await this.#estimate(filter, other, task, encoders, cleaner);
    const center = cleansCenter
      ? await cleaner?.clean(frame, request.auxiliaryKey ?? request.key)
      : undefined;
    if (center !== undefined) fillGuides(picture, encoderInputs(center.frame, encoders, true));
    const pyramids: Pyramid[] = [
      ...(filter.readsCenter ? pyramidsOf(picture) : []),
      ...(task.logs ? [{ levels: task.logs, scale: 1 }] : []),
      ...task.others.map(({ motion }): Pyramid => ({ levels: motion, scale: 'motion' })),
    ];
    const exposure = await jobs.expose([
      { kind: 'expose', picture },
      ...coarsenJobs(picture, pyramids, this.pool.size),
    ]);
    await filter.denoise(exposure);
    const model = `${manifest.name}@${manifest.version}`;
    for (const [l, tiles] of [...composition.entries()].reverse()) {
      await jobs.run(compositeJobs(task, l, tiles, exposure));
    }
    if (prediction !== undefined) {
      await jobs.run(
        errorTiles.map((tile) => ({ kind: 'predict-errors', model, picture, tile, exposure, ...prediction })),
      );
    }

    const { debug: debugging } = request;
    if (debugging?.pixels !== undefined) await filter.explain?.(debugging.pixels, exposure);
    const assemblyStart = performance.now();
    const area = request.region ?? wholeOf(picture);
    const composited = pictureResult(picture, light.also);
    const debugColor =
      debugging?.pixels && raster(picture.width, picture.height, 3, composited.color.data.slice());
    const { denoisedWeight: weight, ...result } = assembled(light, composited, exposure, area);
    const debug =
      debugging &&
      debugOutputs({
        ...{ task, request: debugging, explained: jobs.explained, denoisedWeight: weight },
        color: debugColor ?? composited.color,
        ...(filter.windowGate && { gate: filter.windowGate }),
      });
    const cropped = prediction && cropPrediction(prediction, picture);
    jobs.time('assemble', (performance.now() - assemblyStart) / 1000);
    request.onProgress?.(1);
    return {
      ...result,
      ...cropped,
      ...(debug && { debug }),
      ...(request.auxiliaries && { auxiliaries: copyAuxiliaries(center?.frame ?? frame) }),
      fireflies: light.fireflies,
      report: {
        model: manifest.name,
        version: manifest.version,
        encoder: picture.encoder,
        device: device?.name ?? 'cpu',
        executionProvider: jobs.executionProvider,
        simd: jobs.simd,
        exposure,
        lambda: meanLambda(request.lambda),
        windowUsed: 1 + task.others.length,
        fireflies: light.fireflies.length,
        prefilter,
        ...(cropped && { predictedError: meanErrors(cropped.errors, manifest) }),
        tiles: filter.tiles,
        stages: jobs.stages,
        seconds: (performance.now() - start) / 1000,
      },
    };
  }

  /** The planes of a request: the frame's own, the lambdas, and the motion of the others. */
  #prepare(
    frame: Frame,
    manifest: ModelManifest,
    request: WindowRequest,
    jobs: RequestJobs,
    lease: FeatureLease,
  ): {
    readonly task: FilterTask;
    readonly light: SeenLight;
    readonly encoders: readonly string[];
    readonly prefilter: PrefilterOutcome;
  } {
    const { neighbors, also, irradiance, lambda, key, region, encoder, auxiliaries } = request;
    const { levels } = manifest.architecture;
    const readings = [frame, ...neighbors.map((neighbor) => neighbor.frame)].map((each) => {
      const outcome = prefilterOutcome(each, request.prefilter, manifest);
      const isClean = outcome === 'on' || outcome === 'clean';
      return { frame: outcome === 'on' ? withVariances(each) : each, outcome, isClean };
    });
    const [own, ...ofOthers] = readings as [(typeof readings)[number], ...typeof readings];
    const encoders = windowEncoders(readings, manifest.sources, encoder);
    const light = seenLight(own.frame, also, encoders, own.isClean);
    // An encoder may look at neither.
    const isGuided = (light.inputs.albedo ?? light.inputs.normal) !== undefined;
    const prefilter = own.outcome === 'on' && !isGuided && !auxiliaries ? 'none' : own.outcome;
    if (request.debug?.gate && (irradiance || light.inputs.albedo === undefined)) throw withoutGate();
    const picture = allocateFramePyramid(light.inputs, light.also, levels, this.#memory, irradiance);
    const others = neighbors.map((neighbor, i): OtherFrame => {
      const { frame: reading, outcome, isClean } = ofOthers[i] as (typeof readings)[number];
      const seen = encoderInputs(reading, encoders, isClean);
      if (light.inputs.albedo !== undefined && seen.albedo === undefined) {
        throw differing(neighbor.offset, 'an albedo', 'none');
      }
      const slot = NEIGHBOR_OFFSETS.indexOf(neighbor.offset as (typeof NEIGHBOR_OFFSETS)[number]);
      const motion = motionPyramid(neighbor.motion, levels, this.#motionMemory[slot] as SharedRasters);
      return { frame: neighbor, seen, slot, motion, isClean, prefiltered: outcome === 'on' && isGuided };
    });
    const task = {
      ...{ manifest, irradiance, key, picture, others, jobs, lease, seen: light.inputs },
      prefiltered: prefilter === 'on',
      keepsFeatures: request.debug?.pixels !== undefined,
      ...(request.debug && { debug: allocateDebugRasters(picture, request.debug, 1 + others.length) }),
      logs: lambdaPyramid(lambda, picture, levels, this.#lambdaMemory),
      areas: levelAreas(
        region && grow(region, GUARD_RADIUS, picture.width, picture.height),
        picture.levels,
        manifest,
      ),
    };
    return { task, light, encoders, prefilter };
  }

  #cleaner(manifest: ModelManifest, jobs: RequestJobs, lease: FeatureLease): AuxiliaryCleaner | undefined {
    if (manifest.auxiliaryPrefilter === undefined) return undefined;
    return new AuxiliaryCleaner(manifest, manifest.auxiliaryPrefilter, {
      ...{ jobs, lease, memory: this.#auxiliaryMemory },
      ...{ workers: this.pool.size, bytesPerWorker: this.bytesPerWorker },
    });
  }

  /** What is kept of another frame, whose planes take the place of those of the last one. */
  async #estimate(
    filter: KernelBackend,
    other: OtherFrame,
    { manifest, irradiance, jobs }: FilterTask,
    encoders: readonly string[],
    cleaner: AuxiliaryCleaner | undefined,
  ): Promise<void> {
    const { frame, also = [], auxiliaryKey } = other.frame;
    const clean = other.prefiltered ? await cleaner?.clean(frame, auxiliaryKey) : undefined;
    const seen = seenLight(clean?.frame ?? frame, also, encoders, other.isClean);
    const { levels } = manifest.architecture;
    const picture = createFramePicture(seen.inputs, seen.also, levels, this.#frameMemory, irradiance);
    clean?.release();
    const coarsening = coarsenJobs(picture, pyramidsOf(picture), this.pool.size);
    const exposure = await jobs.expose([{ kind: 'expose', picture }, ...coarsening]);
    await filter.estimate(other, picture, exposure);
  }

  #errorTiles({ levels }: Picture, { errorPredictor }: ModelManifest): Tile[] {
    const overlap = Math.ceil((errorPredictor?.receptiveRadius ?? 0) / 2) * 2;
    return this.#tiling.tiles(wholeOf(levels[0] as Level), overlap, ERROR_BYTES_PER_PIXEL);
  }
}
