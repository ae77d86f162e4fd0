import { getPriority, platform, setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { Denoiser } from '../../denoise/denoiser.js';
import { QuietframeError } from '../../errors.js';
import { ExrPool } from '../../exr/pool.js';
import { denoiseExr } from '../../files/denoise-file/denoise-exr.js';
import { readAlpha } from '../../files/denoise-file/read-alpha.js';
import { FrameCache } from '../../files/window/frame-cache.js';
import type { DenoiseThreadOptions, FromThread, ThreadRequest, ToThread } from './denoise-thread.js';

/** Niceness of this thread and of those below it, over that of the thread that answers requests: a tenth of its share. */
const NICER = 10;
// On Linux 0 is the calling thread, and threads inherit it; elsewhere it would be the whole process.
if (platform() === 'linux') setPriority(0, Math.min(19, getPriority(0) + NICER));

const { limits, decodedCacheBytes = 0, ...options } = workerData as DenoiseThreadOptions;
const pool = new ExrPool({ limits });
const frames = new FrameCache(decodedCacheBytes);
const running = new Map<number, AbortController>();

function send(message: FromThread, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

async function run(
  denoiser: Denoiser,
  id: number,
  { withAlpha = false, ...request }: ThreadRequest,
): Promise<void> {
  const controller = new AbortController();
  running.set(id, controller);
  try {
    const onProgress = (progress: number): void => send({ id, progress });
    const { signal } = controller;
    const { noisy: _, ...denoised } = await denoiseExr(
      { ...request, signal, onProgress },
      { pool, denoiser, frames },
    );
    const alpha = withAlpha ? await readAlpha(denoised.exr, pool, request, signal) : undefined;
    const value = { ...denoised, ...(alpha && { alpha }) };
    send({ id, answer: { value } }, buffersOf(value));
  } catch (error) {
    const known = error instanceof QuietframeError;
    const { code, details } = known ? error : { code: 'internal' as const, details: {} };
    const message = known ? error.message : 'The work on a frame failed';
    const reason = known ? error.cause : error;
    const cause = reason === undefined ? undefined : String(reason instanceof Error ? reason.stack : reason);
    send({ id, answer: { error: { code, message, details, cause } } });
  } finally {
    running.delete(id);
  }
}

/** Memory of all arrays of a result that is not shared: it moves instead of being copied. */
function buffersOf(value: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (ArrayBuffer.isView(value)) {
    if (value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  } else if (typeof value === 'object' && value !== null) {
    for (const each of Object.values(value)) buffersOf(each, found);
  }
  return [...found];
}

try {
  const denoiser = await Denoiser.load(options);
  parentPort?.on('message', (message: ToThread) => {
    if ('close' in message) void denoiser.close().then(() => process.exit());
    else if ('cancel' in message) running.get(message.id)?.abort();
    else void run(denoiser, message.id, message.request);
  });
  const { models, deviceRefusals, filterFolder } = denoiser;
  send({ models, deviceRefusals, filterFolder });
} catch (error) {
  if (!(error instanceof QuietframeError)) throw error;
  const { code, message, details } = error;
  send({ failure: { code, message, details } });
}
