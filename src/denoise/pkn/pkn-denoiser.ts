import { invalidArgument } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { plane, type Raster, raster, type SharedRasters } from '../../image/raster.js';
import { cutIntoTiles, type Tile } from '../../image/region.js';
import { AUTO } from '../../kpcn/source-encoder.js';
import type { PknBundle } from '../../pkn/bundle.js';
import { mapSize, PARAMETERS, type ParameterMap, strengthenMap } from '../../pkn/parameter-map.js';
import { CROSS_BILATERAL_OVERLAP, crossBilateralBytesPerPixel } from '../../pkn/preview/cross-bilateral.js';
import {
  PREVIEW_ALIGNMENT,
  PREVIEW_NETWORK_BYTES_PER_PIXEL,
  PREVIEW_NETWORK_OVERLAP,
} from '../../pkn/preview/preview-network.js';
import { runConcurrently } from '../../threads/run-concurrently.js';
import { withoutErrors, withoutKernels } from '../check-request.js';
import type { FrameDenoiser } from '../frame-denoiser.js';
import { checkPrefilter, copyAuxiliaries } from '../kpcn/clean-auxiliaries.js';
import type { DenoiseRequest, DenoiseResult, ModelSummary } from '../types.js';
import type { DenoiseJob, DenoiseJobResult, DenoisePool, StageName } from '../worker/jobs.js';
import type { PreviewPicture } from './preview-picture.js';

/** What all models of filters share. */
export interface PreviewServices {
  readonly pool: DenoisePool;
  readonly memory: SharedRasters;
  /** For the tile that each worker computes. */
  readonly bytesPerWorker: number;
}

const MIN_TILE_SIDE = 128;
/** Larger tiles of the network make the C library give memory back and take it again, layer by layer. */
const MAX_NETWORK_PIXELS = 400_000;
/** Work on a pixel, for progress. */
const PARAMETER_WORK = 0.4;
const GUIDES = ['albedo', 'albedoVariance', 'normal', 'normalVariance'] as const;

/** A model that predicts parameters of filters (Wronski 2021), for previews. */
export class PknDenoiser implements FrameDenoiser {
  readonly summary: ModelSummary;
  readonly windowSize = 1;

  constructor(
    private readonly bundle: PknBundle,
    private readonly services: PreviewServices,
  ) {
    const { name, version, description, license, training, heads } = bundle;
    const architecture = { filters: [...heads.keys()] };
    this.summary = {
      name,
      version,
      description,
      license,
      architecture,
      sources: [],
      training,
      device: 'cpu',
    };
  }

  check(request: DenoiseRequest): void {
    const { errors = false, lambda = 1, encoder = AUTO, debug } = request;
    const { name } = this.bundle;
    if (errors) throw withoutErrors(this.bundle);
    if (lambda !== 1) throw invalidArgument(`1 with ${name}`, 'lambda', lambda);
    if (encoder !== AUTO) throw invalidArgument(`${AUTO} with ${name}`, 'encoder', encoder);
    checkPrefilter(request, this.bundle);
    if (debug !== undefined) throw withoutKernels(this.bundle);
  }

  /** Strength and parameters are those of this model's filter, too. */
  beforeFinish(request: DenoiseRequest): DenoiseRequest {
    return request;
  }

  async denoise(frame: Frame, request: DenoiseRequest): Promise<DenoiseResult> {
    const result = await denoisePreview(frame, this.bundle, request, this.services);
    return { ...result, ...(request.auxiliaries && { auxiliaries: copyAuxiliaries(frame) }) };
  }
}

/** The parameters of the filter for every tile, then the filter. */
async function denoisePreview(
  frame: Frame,
  { name, version }: PknBundle,
  { also = [], strength = 1, parameters = false, signal, onProgress }: DenoiseRequest,
  { pool, memory, bytesPerWorker }: PreviewServices,
): Promise<DenoiseResult> {
  const start = performance.now();
  const model = `${name}@${version}`;
  const stages: Partial<Record<StageName, number>> = {};
  const time = (stage: string, seconds: number): void => {
    stages[stage as StageName] = (stages[stage as StageName] ?? 0) + seconds;
  };
  const picture = sharedPicture(frame, also, memory);
  time('prepare', (performance.now() - start) / 1000);

  const { width, height } = frame;
  const tiles = (overlap: number, bytesPerPixel: number, most = Number.POSITIVE_INFINITY): Tile[] =>
    cutIntoTiles(width, height, {
      ...{ overlap, alignment: PREVIEW_ALIGNMENT, workers: pool.size },
      maxPixels: Math.min(Math.max(bytesPerWorker / bytesPerPixel, (MIN_TILE_SIDE + 2 * overlap) ** 2), most),
    });
  const parameterTiles = tiles(
    ...[PREVIEW_NETWORK_OVERLAP, PREVIEW_NETWORK_BYTES_PER_PIXEL, MAX_NETWORK_PIXELS],
  );
  const { light } = picture.buffers;
  const filterTiles = tiles(CROSS_BILATERAL_OVERLAP, crossBilateralBytesPerPixel(light.channels));
  // What remains when all tiles are done, so that 1 means done.
  const total = (1 + PARAMETER_WORK) * width * height * 1.001;
  let done = 0;
  let exposure = 1;
  let simd: DenoiseJobResult['simd'] = 'plain';
  let executionProvider = 'cpu';
  const runAll = (jobs: readonly DenoiseJob[]): Promise<void> =>
    runConcurrently(pool.size, jobs, signal, async (job) => {
      const result = await pool.run('work', job);
      simd = result.simd;
      executionProvider = result.provider;
      for (const [stage, seconds] of Object.entries(result.seconds)) time(stage, seconds);
      if (job.kind === 'expose-preview') exposure = result.exposure;
      if (!('tile' in job)) return;
      done += job.tile.width * job.tile.height * (job.kind === 'predict-parameters' ? PARAMETER_WORK : 1);
      onProgress?.(done / total);
    });
  await runAll([{ kind: 'expose-preview', light }]);
  await runAll(
    parameterTiles.map((tile) => ({ kind: 'predict-parameters', model, picture, tile, exposure })),
  );
  if (strength !== 1) picture.map.values.data.set(strengthenMap(picture.map, strength).values.data);
  await runAll(filterTiles.map((tile) => ({ kind: 'filter-preview', picture, tile, exposure })));

  const assembling = performance.now();
  const [color, ...others] = layersOf(picture) as [Raster, ...Raster[]];
  time('assemble', (performance.now() - assembling) / 1000);
  onProgress?.(1);
  return {
    color,
    also: others,
    ...(parameters && { parameters: [copyOf(picture.map)] }),
    report: {
      ...{ model: name, version, encoder: 'preview', device: 'cpu', executionProvider, simd },
      ...{ exposure, lambda: 1, windowUsed: 1, prefilter: 'none', tiles: filterTiles.length, stages },
      seconds: (performance.now() - start) / 1000,
    },
  };
}

function sharedPicture(frame: Frame, also: readonly Raster[], memory: SharedRasters): PreviewPicture {
  const { width, height } = frame;
  const size = { width, height };
  const light = [frame.color, ...also];
  const layers = light.map(({ channels }) => channels);
  const channels = layers.reduce((sum, count) => sum + count, 0);
  const guides = GUIDES.filter((name) => frame[name] !== undefined);
  const parameters = Object.keys(PARAMETERS['cross-bilateral']).length;
  const rasters = memory.allocate([
    { name: 'light', ...size, channels },
    { name: 'target', ...size, channels },
    { name: 'colorVariance', ...size, channels: 1 },
    ...guides.map((name) => ({ name, ...size, channels: frame[name]?.channels ?? 0 })),
    { name: 'map', width: mapSize(width), height: mapSize(height), channels: parameters },
  ]);
  const at = (name: (typeof GUIDES)[number] | 'light' | 'target' | 'colorVariance' | 'map'): Raster =>
    rasters.get(name) as Raster;
  let offset = 0;
  for (const { data } of light) {
    at('light').data.set(data, offset);
    offset += data.length;
  }
  for (const name of ['colorVariance', ...guides] as const) at(name).data.set((frame[name] as Raster).data);
  return {
    buffers: {
      light: at('light'),
      colorVariance: at('colorVariance'),
      ...Object.fromEntries(guides.map((name) => [name, at(name)])),
    },
    layers,
    map: { filter: 'cross-bilateral', values: at('map') },
    target: at('target'),
  };
}

function copyOf({ filter, values }: ParameterMap): ParameterMap {
  return { filter, values: raster(values.width, values.height, values.channels, values.data.slice()) };
}

function layersOf({ target, layers }: PreviewPicture): Raster[] {
  let channel = 0;
  return layers.map((channels) => {
    const layer = raster(target.width, target.height, channels);
    for (let c = 0; c < channels; c++) plane(layer, c).set(plane(target, channel++));
    return layer;
  });
}
