import { parentPort, workerData } from 'node:worker_threads';
import type { ModelBundle } from '../engine/model-repository.js';
import { onnxEngine } from '../engine/onnx-engine.js';
import { fastestSimd } from '../engine/wasm-build.js';
import { QuietframeError } from '../errors.js';
import { autoExposure } from '../kpcn/features.js';
import { coarsen, KpcnNetwork } from '../kpcn/network.js';
import type { Level } from '../kpcn/picture.js';
import { CrossBilateral } from '../pkn/cross-bilateral.js';
import { PreviewNetwork } from '../pkn/preview-network.js';
import { ErrorPredictor } from '../sampling/error-predictor.js';
import { planSamples, type SamplePlan } from '../sampling/plan-samples.js';
import type { DenoiseJob, DenoiseJobResult, StageName, WorkerModels } from './stages.js';
import type { WorkerAnswer } from './worker-pool.js';

/** From the thread that started this one. */
const models: WorkerModels = workerData;
const networks = new Map<string, Promise<KpcnNetwork>>();

const predictors = new Map<string, Promise<ErrorPredictor | undefined>>();

function bundleOf(model: string): ModelBundle {
  const bundle = models.networks.get(model);
  if (bundle === undefined) throw new TypeError(`The worker has no model ${model}`);
  return bundle;
}

/** Sessions stay loaded as long as the worker lives. */
function network(model: string): Promise<KpcnNetwork> {
  const loaded = networks.get(model) ?? KpcnNetwork.load(bundleOf(model), onnxEngine);
  networks.set(model, loaded);
  return loaded;
}

function errorPredictor(model: string): Promise<ErrorPredictor | undefined> {
  const loaded = predictors.get(model) ?? ErrorPredictor.load(bundleOf(model), onnxEngine);
  predictors.set(model, loaded);
  return loaded;
}

const previews = new Map<string, Promise<PreviewNetwork>>();
let crossBilateral: CrossBilateral | undefined;

function previewNetwork(model: string): Promise<PreviewNetwork> {
  const bundle = models.previews.get(model);
  if (bundle === undefined) throw new TypeError(`The worker has no model ${model}`);
  const loaded = previews.get(model) ?? PreviewNetwork.load(bundle, onnxEngine);
  previews.set(model, loaded);
  return loaded;
}

async function run(job: DenoiseJob): Promise<DenoiseJobResult> {
  const seconds: Partial<Record<StageName, number>> = {};
  const time = (stage: StageName, milliseconds: number): void => {
    seconds[stage] = (seconds[stage] ?? 0) + milliseconds / 1000;
  };
  const start = performance.now();
  let exposure = 1;
  let plan: SamplePlan | undefined;
  switch (job.kind) {
    case 'load':
      await network(job.model);
      await errorPredictor(job.model);
      break;
    case 'expose': {
      const { levels, width, height } = job.picture;
      exposure = autoExposure((levels[0] as Level).radiance, width, height);
      time('prepare', performance.now() - start);
      break;
    }
    case 'coarsen':
      coarsen(job.picture.levels, job.begin, job.end);
      time('prepare', performance.now() - start);
      break;
    case 'denoise': {
      const level = job.picture.levels[job.level] as Level;
      await (await network(job.model)).denoiseTile(level, job.picture.encoder, job.exposure, job.tile, time);
      break;
    }
    case 'composite': {
      const [fine, coarse] = job.picture.levels.slice(job.level, job.level + 2) as [Level, Level];
      await (await network(job.model)).compositeTile(fine, coarse, job.exposure, job.tile, time);
      break;
    }
    case 'predict-errors': {
      const { radiance, composited, ...guides } = job.picture.levels[0] as Level;
      const picture = { ...guides, noisy: radiance, denoised: composited };
      await (await errorPredictor(job.model))?.predictTile(picture, job.exposure, job.tile, job.errors);
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
    case 'plan-samples':
      plan = planSamples(job.errors, job.options);
      break;
  }
  return { simd: fastestSimd(), exposure, seconds, ...(plan && { plan }) };
}

async function answer(job: DenoiseJob): Promise<WorkerAnswer<DenoiseJobResult>> {
  try {
    return { value: await run(job) };
  } catch (error) {
    const known = error instanceof QuietframeError;
    const { code, details } = known ? error : { code: 'internal' as const, details: {} };
    const message = known ? error.message : 'The denoiser failed';
    const reason = known ? error.cause : error;
    return {
      error: { code, message, details, cause: String(reason instanceof Error ? reason.stack : reason) },
    };
  }
}

const port = parentPort;
port?.on('message', async (job: DenoiseJob) => port.postMessage(await answer(job)));
