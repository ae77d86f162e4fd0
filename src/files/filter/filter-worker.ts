import { workerData } from 'node:worker_threads';
import type { ExrLimits } from '../../exr/limits.js';
import { ExrPool } from '../../exr/pool.js';
import { PknNetwork } from '../../pkn/network.js';
import { serveJobs } from '../../threads/serve-jobs.js';
import { type FilteredFile, type FilterTask, filterFile } from './filter-file.js';

/** What the thread is started with. */
export interface FilterWorkerData {
  /** Of the bundle of filters. */
  readonly folder: string;
  readonly limits: Partial<ExrLimits>;
}

export interface FilterJobs {
  readonly filter: { readonly given: FilterTask; readonly answer: FilteredFile };
}

const { folder, limits } = workerData as FilterWorkerData;
const exr = new ExrPool({ workers: 1, limits });
let opened: Promise<PknNetwork> | undefined;

serveJobs<FilterJobs>(
  {
    filter: async (task, { check }) => {
      check();
      opened ??= PknNetwork.open(folder);
      return filterFile(task, { network: await opened, exr, check });
    },
  },
  { moves: true },
);
