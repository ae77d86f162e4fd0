import { parentPort, workerData } from 'node:worker_threads';
import { QuietframeError } from '../../errors.js';
import type { ExrLimits } from '../../exr/limits.js';
import { ExrPool } from '../../exr/pool.js';
import { PknNetwork } from '../../pkn/network.js';
import type { WorkerAnswer } from '../../threads/worker-pool.js';
import { type FilteredFile, type FilterTask, filterFile } from './filter-file.js';

/** What the thread is started with. */
export interface FilterWorkerData {
  /** Of the bundle of filters. */
  readonly folder: string;
  readonly limits: Partial<ExrLimits>;
}

export interface FilterJob extends FilterTask {
  /** In shared memory: not 0 once nobody waits for the result. */
  readonly isCancelled: Int32Array;
}

const { folder, limits } = workerData as FilterWorkerData;
const exr = new ExrPool({ workers: 1, limits });
let opened: Promise<PknNetwork> | undefined;

async function run({ isCancelled, ...task }: FilterJob): Promise<FilteredFile> {
  const check = (): void => {
    if (Atomics.load(isCancelled, 0) === 0) return;
    throw new QuietframeError('cancelled', 'The filtering was cancelled');
  };
  check();
  opened ??= PknNetwork.open(folder);
  return filterFile(task, { network: await opened, exr, check });
}

async function answer(job: FilterJob): Promise<WorkerAnswer<FilteredFile>> {
  try {
    return { value: await run(job) };
  } catch (error) {
    const known = error instanceof QuietframeError;
    const { code, details } = known ? error : { code: 'internal' as const, details: {} };
    const message = known ? error.message : 'The filter failed';
    return { error: { code, message, details, cause: String(error instanceof Error ? error.stack : error) } };
  }
}

/** Memory of the files of an answer: it moves instead of being copied. */
function buffersOf(reply: WorkerAnswer<FilteredFile>): ArrayBuffer[] {
  if (!('value' in reply)) return [];
  const buffers = [reply.value.bytes, reply.value.parameters].map(({ buffer }) => buffer);
  return buffers.filter((buffer) => buffer instanceof ArrayBuffer);
}

const port = parentPort;
port?.on('message', async (job: FilterJob) => {
  const reply = await answer(job);
  port.postMessage(reply, buffersOf(reply));
});
