import { getPriority, platform, setPriority } from 'node:os';
import { workerData } from 'node:worker_threads';
import { Denoiser } from '../../denoise/denoiser.js';
import { ExrPool } from '../../exr/pool.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { readAlpha } from '../../files/denoise-file/read-alpha.js';
import { FrameCache } from '../../files/window/frame-cache.js';
import { type JobContext, serveJobs } from '../../threads/serve-jobs.js';
import type { ServedExr } from '../service.js';
import type { DenoiseThreadJobs, DenoiseThreadOptions, ThreadRequest } from './denoise-thread.js';

/** Niceness of this thread and of those below it, over that of the thread that answers requests: a tenth of its share. */
const NICER = 10;
// On Linux 0 is the calling thread, and threads inherit it; elsewhere it would be the whole process.
if (platform() === 'linux') setPriority(0, Math.min(19, getPriority(0) + NICER));

const { limits, decodedCacheBytes = 0, ...options } = workerData as DenoiseThreadOptions;
const pool = new ExrPool({ limits });
const frames = new FrameCache(decodedCacheBytes);
let opened: Promise<Denoiser> | undefined;

/** The denoiser; one that could not be loaded is tried again with the next job. */
function denoiser(): Promise<Denoiser> {
  opened ??= Denoiser.load(options).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function denoise(
  { withAlpha = false, ...request }: ThreadRequest,
  { signal, progress: onProgress }: JobContext,
): Promise<ServedExr> {
  const services = { pool, denoiser: await denoiser(), frames };
  const { noisy: _, ...denoised } = await denoiseExr({ ...request, signal, onProgress }, services);
  const alpha = withAlpha ? await readAlpha(denoised.exr, pool, request, signal) : undefined;
  return { ...denoised, ...(alpha && { alpha }) };
}

serveJobs<DenoiseThreadJobs>(
  {
    denoise,
    load: async () => {
      const { models, deviceRefusals, filterFolder } = await denoiser();
      return { models, deviceRefusals, filterFolder };
    },
  },
  { moves: true, close: async () => (await opened)?.close() },
);
