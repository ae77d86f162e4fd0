import type { AuxiliaryPrefilterManifest, ModelManifest } from '../../engine/model-manifest.js';
import { expected, QuietframeError } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import { cropPadded } from '../../image/pyramid.js';
import { type Raster, raster, type SharedRasters } from '../../image/raster.js';
import type { Tile } from '../../image/region.js';
import {
  AUXILIARY_CHANNELS,
  AUXILIARY_NAMES,
  type AuxiliaryBuffers,
  type AuxiliaryName,
  areClean,
  hasMeasuredVariances,
  prefilterBytesPerPixel,
  prefilterOverlap,
  prefilterTiles,
} from '../../kpcn/auxiliary-buffers.js';
import type { DenoiseRequest, PrefilterChoice, PrefilterOutcome } from '../types.js';
import type { RequestJobs } from '../worker/progress-tracker.js';
import type { FeatureLease } from './feature-cache.js';

const MIN_TILE_SIDE = 128;

/** What a frame gets from a model. */
export function prefilterOutcome(
  frame: Frame,
  choice: PrefilterChoice,
  manifest: Pick<ModelManifest, 'auxiliaryPrefilter'> | undefined,
): PrefilterOutcome {
  if (choice === 'off') return 'off';
  if (manifest?.auxiliaryPrefilter === undefined) return 'none';
  if ((frame.albedo ?? frame.normal) === undefined) return 'none';
  return choice === 'auto' && areClean(frame) ? 'clean' : 'on';
}

/**
 * Checks that a model has what a request needs of its prefilter. Buffers that are asked for are to be clean unless the
 * request says otherwise: noisy ones are no answer.
 * @throws QuietframeError `not-implemented`.
 */
export function checkPrefilter(
  { prefilter = 'auto', auxiliaries = false }: Pick<DenoiseRequest, 'prefilter' | 'auxiliaries'>,
  model: Pick<ModelManifest, 'name' | 'version' | 'auxiliaryPrefilter'>,
): void {
  if (model.auxiliaryPrefilter !== undefined || prefilter === 'off') return;
  if (prefilter === 'auto' && !auxiliaries) return;
  const [parameter, value] = prefilter === 'on' ? ['prefilter', 'on'] : ['outputs', 'auxiliaries'];
  const message = expected(
    'a model with an auxiliary prefilter',
    `the model of ${parameter}=${value}`,
    `${model.name}@${model.version}`,
  );
  throw new QuietframeError('not-implemented', message, { parameter });
}

/** A copy of the albedo and the normals of a frame. */
export function copyAuxiliaries({ albedo, normal }: Frame): Pick<Frame, 'albedo' | 'normal'> {
  const copy = ({ width, height, channels, data }: Raster): Raster =>
    raster(width, height, channels, new Float32Array(data));
  return { ...(albedo && { albedo: copy(albedo) }), ...(normal && { normal: copy(normal) }) };
}

/** What the work needs of the denoiser. */
export interface CleaningServices {
  readonly jobs: RequestJobs;
  readonly lease: FeatureLease;
  /** For the buffers of one frame after the other. */
  readonly memory: SharedRasters;
  readonly workers: number;
  readonly bytesPerWorker: number;
}

/** A frame whose albedo and normals have no noise. */
export interface CleanFrame {
  readonly frame: Frame;
  /** Gives the memory back: the buffers are not read any more, and are kept for later requests where they have a key. */
  readonly release: () => void;
}

/** Takes the noise out of the albedo and the normals of frames with the prefilter of one model. */
export class AuxiliaryCleaner {
  readonly #manifest: AuxiliaryPrefilterManifest;
  readonly #model: string;

  constructor(
    manifest: ModelManifest,
    prefilter: AuxiliaryPrefilterManifest,
    private readonly services: CleaningServices,
  ) {
    this.#manifest = prefilter;
    this.#model = `${manifest.name}@${manifest.version}`;
  }

  /** Says that a frame is ahead. */
  plan(frame: Pick<Frame, 'width' | 'height'>): void {
    this.services.jobs.plan('prefilter', this.#tiles(frame));
  }

  /**
   * @param key of the content of the buffers, for the cache.
   * @throws QuietframeError `cancelled`, and what the workers answer.
   */
  async clean(frame: Frame, key: string | undefined): Promise<CleanFrame> {
    const { width, height } = frame;
    const { jobs, lease, memory } = this.services;
    const names = AUXILIARY_NAMES.filter((name) => frame[bufferOf(name)] !== undefined);
    const rasters = names.map((name) => ({ name, channels: AUXILIARY_CHANNELS[name], scale: 1 as const }));
    const own = key && ['auxiliaries', this.#model, width, height, key].join(' ');
    const { cached, known } = lease.get(own, { width, height, levels: 1, rasters }, false);
    const target: AuxiliaryBuffers = cached.levels[0] ?? {};
    if (!known) {
      const source = sharedBuffers(frame, memory);
      const task = { source, target, measured: hasMeasuredVariances(frame) };
      await jobs.run(
        this.#tiles(frame).map((tile) => ({ kind: 'prefilter', model: this.#model, task, tile })),
      );
    }
    const buffers = Object.fromEntries(
      names.map((name) => [name, cropped(target[name] as Raster, width, height)]),
    );
    return { frame: { ...frame, ...buffers }, release: () => lease.release(own, cached) };
  }

  #tiles(frame: Pick<Frame, 'width' | 'height'>): Tile[] {
    const { workers, bytesPerWorker } = this.services;
    const smallest = (MIN_TILE_SIDE + 2 * prefilterOverlap(this.#manifest)) ** 2;
    const fitting = bytesPerWorker / prefilterBytesPerPixel(this.#manifest);
    return prefilterTiles(frame, this.#manifest, { workers, maxPixels: Math.max(fitting, smallest) });
  }
}

function bufferOf(name: AuxiliaryName): 'albedo' | 'normal' {
  return name === 'albedo' || name === 'albedoVariance' ? 'albedo' : 'normal';
}

function sharedBuffers(frame: Frame, memory: SharedRasters): AuxiliaryBuffers {
  const { width, height } = frame;
  const names = AUXILIARY_NAMES.filter((name) => frame[name] !== undefined);
  const shared = memory.allocate(
    names.map((name) => ({ name, width, height, channels: AUXILIARY_CHANNELS[name] })),
  );
  for (const [name, { data }] of shared) data.set((frame[name] as Raster).data);
  return Object.fromEntries(shared);
}

/** The cache has rasters of even sizes. */
function cropped(padded: Raster, width: number, height: number): Raster {
  if (padded.width === width && padded.height === height) return padded;
  const result = raster(width, height, padded.channels);
  cropPadded(padded, result);
  return result;
}
