import { workerData } from 'node:worker_threads';
import type { Engine } from '../../engine/engine.js';
import type { ModelBundle } from '../../engine/model-repository.js';
import { deviceEngine, onnxEngine } from '../../engine/onnxruntime/onnx-engine.js';
import { tfjsEngine } from '../../engine/tfjs/tfjs-engine.js';
import { fastestSimd } from '../../engine/wasm-build.js';
import { type Raster, raster } from '../../image/raster.js';
import { AuxiliaryPrefilter } from '../../kpcn/auxiliary-prefilter.js';
import { autoExposure } from '../../kpcn/features.js';
import { coarsen, type FrameLevel, type Level } from '../../kpcn/frame-pyramid.js';
import { GpuNetwork } from '../../kpcn/gpu/gpu-network.js';
import { type ParityProbe, probeParity } from '../../kpcn/gpu/parity-probe.js';
import { TileRunner } from '../../kpcn/tile-runner.js';
import { boundTile } from '../../kpcn/window-bound.js';
import type { PknBundle } from '../../pkn/bundle.js';
import { PknNetwork } from '../../pkn/network.js';
import type { ParameterMap } from '../../pkn/parameter-map.js';
import { gaussianBlur, polynomialDeblur } from '../../pkn/polynomial-deblur.js';
import { CrossBilateral } from '../../pkn/preview/cross-bilateral.js';
import { PreviewNetwork } from '../../pkn/preview/preview-network.js';
import { rbfUpsample } from '../../pkn/rbf-upsample.js';
import { ErrorPredictor } from '../../sampling/error-predictor.js';
import { relativeVariance } from '../../sampling/relative-variance.js';
import { serveJobs } from '../../threads/serve-jobs.js';
import type { DenoiseJob, DenoiseJobResult, DenoiseJobs, StageName, WorkerModels } from './jobs.js';

type MagnifyJob = Extract<DenoiseJob, { kind: 'magnify' }>;

/** From the thread that started this one. */
const models: WorkerModels = workerData;
const networks = new Map<string, Promise<TileRunner>>();

const predictors = new Map<string, Promise<ErrorPredictor | undefined>>();
const prefilters = new Map<string, Promise<AuxiliaryPrefilter | undefined>>();

function bundleOf(model: string): ModelBundle {
  const bundle = models.networks.get(model);
  if (bundle === undefined) throw new TypeError(`The worker has no model ${model}`);
  return bundle;
}

let opened: Promise<Engine> | undefined;

/** What runs networks on the CPU. */
function hostEngine(): Promise<Engine> {
  opened ??= models.engine === 'tfjs' ? tfjsEngine() : Promise.resolve(onnxEngine);
  return opened;
}

/** Sessions stay loaded as long as the worker lives. */
function network(model: string): Promise<TileRunner> {
  const loaded =
    networks.get(model) ?? hostEngine().then((engine) => TileRunner.load(bundleOf(model), engine));
  networks.set(model, loaded);
  return loaded;
}

const deviceNetworks = new Map<string, GpuNetwork>();

/** What filters frames and joins them: the device of the worker, if it has one. */
async function frameNetwork(model: string): Promise<GpuNetwork | TileRunner> {
  return models.device === undefined ? network(model) : deviceNetwork(model, models.device);
}

function deviceNetwork(model: string, device: NonNullable<WorkerModels['device']>): GpuNetwork {
  const known = deviceNetworks.get(model) ?? new GpuNetwork(bundleOf(model), deviceEngine(device));
  deviceNetworks.set(model, known);
  return known;
}

async function compareDevice(model: string, timed: boolean): Promise<ParityProbe> {
  if (models.device === undefined) throw new TypeError('The worker has no device');
  // An encoder that has seen everything.
  const { sources, architecture } = bundleOf(model).manifest;
  const encoder = sources.find((source) => source !== 'color') ?? 'color';
  const device = deviceNetwork(model, models.device);
  return probeParity(device, await network(model), { encoder, architecture }, timed);
}

function errorPredictor(model: string): Promise<ErrorPredictor | undefined> {
  const loaded =
    predictors.get(model) ?? hostEngine().then((engine) => ErrorPredictor.load(bundleOf(model), engine));
  predictors.set(model, loaded);
  return loaded;
}

function auxiliaryPrefilter(model: string): Promise<AuxiliaryPrefilter | undefined> {
  const loaded =
    prefilters.get(model) ?? hostEngine().then((engine) => AuxiliaryPrefilter.load(bundleOf(model), engine));
  prefilters.set(model, loaded);
  return loaded;
}

const previews = new Map<string, Promise<PreviewNetwork>>();
let crossBilateral: CrossBilateral | undefined;

const filterNetworks = new Map<string, Promise<PknNetwork>>();

function filterBundle(model: string): PknBundle {
  const bundle = models.previews.get(model);
  if (bundle === undefined) throw new TypeError(`The worker has no model ${model}`);
  return bundle;
}

function previewNetwork(model: string): Promise<PreviewNetwork> {
  const loaded =
    previews.get(model) ?? hostEngine().then((engine) => PreviewNetwork.load(filterBundle(model), engine));
  previews.set(model, loaded);
  return loaded;
}

function filterNetwork(model: string): Promise<PknNetwork> {
  const loaded =
    filterNetworks.get(model) ?? hostEngine().then((engine) => PknNetwork.load(filterBundle(model), engine));
  filterNetworks.set(model, loaded);
  return loaded;
}

/** Beyond this light is as good as infinite; its logarithm stays below 89, where floats end. */
const MAX_LOG = 80;

/** Undoes a blur of log(1 + exposed light), where overshoot beside bright edges is small; light stays at least 0. */
function deblurred(channel: Raster, map: ParameterMap, sigma: number, exposure: number): Raster {
  const { width, height, channels, data } = channel;
  const logs = data.map((light) => Math.log1p(Math.max(exposure * light, 0)));
  const sharp = polynomialDeblur(raster(width, height, channels, logs), map, gaussianBlur(sigma));
  for (let i = 0; i < sharp.data.length; i++) {
    const log = Math.min(Math.max(sharp.data[i] as number, 0), MAX_LOG);
    sharp.data[i] = Math.expm1(log) / exposure;
  }
  return sharp;
}

/** Added to the albedo before light is divided by it. */
const ALBEDO_EPSILON = 0.05;

function magnifiedChannel({ channel, map, factor, guide, surface }: MagnifyJob): Raster {
  if (surface === undefined) return rbfUpsample(channel, map, factor, guide);
  const light = channel.data.map((value, i) => value / ((surface.low.data[i] as number) + ALBEDO_EPSILON));
  const large = rbfUpsample(raster(channel.width, channel.height, 1, light), map, factor, guide);
  for (let i = 0; i < large.data.length; i++) {
    large.data[i] = (large.data[i] as number) * ((surface.high.data[i] as number) + ALBEDO_EPSILON);
  }
  return large;
}

async function run(job: DenoiseJob): Promise<DenoiseJobResult> {
  const seconds: Partial<Record<StageName, number>> = {};
  const time = (stage: StageName, milliseconds: number): void => {
    seconds[stage] = (seconds[stage] ?? 0) + milliseconds / 1000;
  };
  const start = performance.now();
  let exposure = 1;
  let finished: DenoiseJobResult['finished'];
  let explained: DenoiseJobResult['explained'];
  switch (job.kind) {
    case 'prefilter':
      await (await auxiliaryPrefilter(job.model))?.filterTile(job.task, job.tile);
      time('prefilter', performance.now() - start);
      break;
    case 'expose': {
      const { levels, width, height } = job.picture;
      exposure = autoExposure((levels[0] as FrameLevel).radiance, width, height);
      time('prepare', performance.now() - start);
      break;
    }
    case 'coarsen':
      coarsen(job.pyramids, job.begin, job.end);
      time('prepare', performance.now() - start);
      break;
    case 'extract': {
      const { level, reading, tile, features } = job;
      await (await network(job.model)).extractTile(level, reading, tile, features, time);
      break;
    }
    case 'denoise':
      await (await frameNetwork(job.model)).denoiseTile(job.task, job.reading, job.tile, time);
      break;
    case 'estimate': {
      const { task, reading, tile, kept } = job;
      if (models.device === undefined) throw new TypeError('The worker has no device');
      await deviceNetwork(job.model, models.device).denoiseTile(task, reading, tile, time, kept);
      break;
    }
    case 'filter': {
      const { task, features, tile } = job;
      await (await network(job.model)).filterTile(task, features, tile, time);
      break;
    }
    case 'join':
      await (await frameNetwork(job.model)).fuseTile(job.task, job.tile, time);
      break;
    case 'bound':
      boundTile(job.task, job.tile);
      time('kernels', performance.now() - start);
      break;
    case 'composite': {
      const { fine, coarse, tile, weights } = job;
      await (await network(job.model)).compositeTile(fine, coarse, job.exposure, tile, time, true, weights);
      break;
    }
    case 'explain':
      explained = { index: job.index, level: await (await network(job.model)).explain(job.task) };
      time('kernels', performance.now() - start);
      break;
    case 'predict-errors': {
      const { radiance, composited, ...guides } = job.picture.levels[0] as Level;
      const picture = { ...guides, noisy: radiance, denoised: composited };
      await (await errorPredictor(job.model))?.predictTile(picture, job.exposure, job.tile, job.errors);
      relativeVariance(picture, job.exposure, job.tile, job.relativeVariance);
      time('errors', performance.now() - start);
      break;
    }
    case 'expose-preview':
      exposure = autoExposure(job.light);
      time('prepare', performance.now() - start);
      break;
    case 'predict-parameters': {
      const { buffers, map } = job.picture;
      await (await previewNetwork(job.model)).predict(buffers, job.exposure, job.tile, map.values, time);
      break;
    }
    case 'filter-preview': {
      crossBilateral ??= new CrossBilateral();
      const { buffers, layers, map, target } = job.picture;
      crossBilateral.filter(buffers, map, { layers, exposure: job.exposure, tile: job.tile }, target);
      time('kernels', performance.now() - start);
      break;
    }
    case 'predict-filter': {
      const { noiseSigma, blurSigma } = job;
      const options = { noiseSigma, ...(blurSigma !== undefined && { blurSigma }) };
      const map = await (await filterNetwork(job.model)).predict(job.filter, job.picture, options);
      finished = { index: job.index, channel: map.values };
      time('parameters', performance.now() - start);
      break;
    }
    case 'deblur':
      finished = { index: job.index, channel: deblurred(job.channel, job.map, job.sigma, job.exposure) };
      time('deblur', performance.now() - start);
      break;
    case 'magnify':
      finished = { index: job.index, channel: magnifiedChannel(job) };
      time('magnify', performance.now() - start);
      break;
  }
  return {
    ...{ simd: fastestSimd(), exposure, seconds },
    provider: models.device ?? (await hostEngine()).provider,
    ...(finished && { finished }),
    ...(explained && { explained }),
  };
}

async function load({ model }: DenoiseJobs['load']['given']): Promise<void> {
  await network(model);
  await errorPredictor(model);
  await auxiliaryPrefilter(model);
}

serveJobs<DenoiseJobs>({
  load,
  work: run,
  'probe-device': ({ model, timed }) => compareDevice(model, timed),
});
