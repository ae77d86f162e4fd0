import { QuietframeError } from '../errors.js';

/**
 * Runs jobs side by side, a new one as soon as one has ended. None starts after the signal has aborted or a job has
 * failed; the error is thrown when none runs any more, so that memory which the jobs share is free again.
 * @param lanes jobs that run at once.
 * @throws QuietframeError `cancelled`, and what the jobs throw.
 */
export async function runConcurrently<Job>(
  lanes: number,
  jobs: readonly Job[],
  signal: AbortSignal | undefined,
  run: (job: Job) => Promise<void>,
): Promise<void> {
  const waiting = jobs[Symbol.iterator]();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const job of waiting) {
      if (failed) return;
      if (signal?.aborted) throw new QuietframeError('cancelled', 'Denoising was cancelled');
      try {
        await run(job);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const results = await Promise.allSettled(Array.from({ length: lanes }, lane));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}
