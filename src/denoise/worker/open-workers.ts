import { ThreadPool } from '../../threads/thread-pool.js';
import type { DenoisePool, WorkerModels } from './jobs.js';

/**
 * Workers that run networks. Each starts with its first job and keeps the models that it has loaded.
 * @param script of the worker.
 */
export function openWorkers(script: URL, threads: number, workerData: WorkerModels): DenoisePool {
  return new ThreadPool({ script, threads, workerData, work: 'denoising', abort: 'notify' });
}
