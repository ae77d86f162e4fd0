import { parentPort, workerData } from 'node:worker_threads';
import { QuietframeError } from '../../errors.js';
import type { Raster } from '../../image/raster.js';
import { PknNetwork } from '../../pkn/network.js';
import type { ParameterMap } from '../../pkn/parameter-map.js';
import type { WorkerAnswer } from '../../threads/worker-pool.js';
import { alphaOf, applyFilter, type FilteredPicture } from './apply-filter.js';
import type { FilterOptions } from './filter-options.js';
import { decodePng, encodePicture, type PngPicture } from './png-picture.js';

/** A picture to filter: the bytes of a PNG, or a raster with its alpha. */
export interface FilterJob {
  readonly input: { readonly png: Uint8Array } | { readonly color: Raster; readonly alpha?: Raster };
  readonly options: FilterOptions;
  readonly map?: ParameterMap;
}

export interface FilterJobResult extends Omit<FilteredPicture, 'picture'> {
  readonly color: Raster;
  readonly alpha?: Raster;
  /** Of a PNG. */
  readonly png?: Uint8Array;
}

/** Of the bundle whose folder the thread was started with. */
let opened: Promise<PknNetwork> | undefined;

async function run({ input, options, map }: FilterJob): Promise<FilterJobResult> {
  opened ??= PknNetwork.open(workerData.folder);
  const { bits, ...picture }: Pick<PngPicture, 'color' | 'alpha'> & Partial<Pick<PngPicture, 'bits'>> =
    'png' in input ? decodePng(input.png) : input;
  const { picture: color, ...filtered } = await applyFilter(picture.color, options, await opened, map);
  const alpha = picture.alpha && alphaOf(picture.alpha, options, filtered.map);
  const png = bits && encodePicture({ color, bits, ...(alpha && { alpha }) });
  return { color, ...(alpha && { alpha }), ...filtered, ...(png && { png }) };
}

async function answer(job: FilterJob): Promise<WorkerAnswer<FilterJobResult>> {
  try {
    return { value: await run(job) };
  } catch (error) {
    const known = error instanceof QuietframeError;
    const { code, details } = known ? error : { code: 'internal' as const, details: {} };
    const message = known ? error.message : 'The filter failed';
    return { error: { code, message, details, cause: String(error instanceof Error ? error.stack : error) } };
  }
}

const port = parentPort;
port?.on('message', async (job: FilterJob) => port.postMessage(await answer(job)));
