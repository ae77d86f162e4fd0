import { QuietframeError } from '../errors.js';
import type { WorkerPool } from './worker-pool.js';

/**
 * Runs jobs side by side, a new one as soon as one has ended. None starts after the signal has aborted or a job has
 * failed; the error is thrown when none runs any more.
 * @throws QuietframeError `cancelled`, and what the workers answer.
 */
export async function runConcurrently<Job, Result>(
  pool: WorkerPool<Job, Result>,
  jobs: readonly Job[],
  signal: AbortSignal | undefined,
  onResult: (job: Job, result: Result) => void,
): Promise<void> {
  const waiting = jobs[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const job of waiting) {
      if (failed) return;
      if (signal?.aborted) throw new QuietframeError('cancelled', 'Denoising was cancelled');
      try {
        onResult(job, await pool.run(job));
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: pool.size }, lane));
  for (const result of lanes) if (result.status === 'rejected') throw result.reason;
}
