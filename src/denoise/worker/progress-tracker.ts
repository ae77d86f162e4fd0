import type { Simd } from '../../engine/wasm-build.js';
import type { Tile } from '../../image/region.js';
import type { ExplainedLevel } from '../../kpcn/explain/explain-level.js';
import { runConcurrently } from '../../threads/run-concurrently.js';
import type { DenoiseJob, DenoisePool, StageName } from './jobs.js';

/** Work on a pixel relative to denoising one of a single frame, for progress. */
const WORK: Readonly<Record<string, number>> = {
  ...{
    denoise: 1,
    prefilter: 0.1,
    estimate: 1,
    extract: 0.5,
    filter: 0.6,
    join: 0.5,
    composite: 0.1,
    'predict-errors': 0.15,
  },
};
/** Jobs that run the networks of kernels. */
const KERNEL_JOBS: readonly DenoiseJob['kind'][] = ['denoise', 'estimate', 'filter', 'join'];

/** Runs the jobs of one request, and sums up what the workers tell. */
export class RequestJobs {
  /** Seconds of all workers together. */
  readonly stages: Partial<Record<StageName, number>> = {};
  /** The build of the kernels that ran last. */
  simd: Simd = 'plain';
  /** What ran the networks of the kernels last. */
  executionProvider = 'cpu';
  /** What `explain` jobs have answered, by their indices. */
  readonly explained: ExplainedLevel[] = [];
  /** Called with each job that is done. */
  onDone: ((job: DenoiseJob) => void) | undefined;
  #exposure = 1;
  #done = 0;
  #total = 0;

  constructor(
    private readonly pool: DenoisePool,
    private readonly signal: AbortSignal | undefined,
    private readonly onProgress: ((fraction: number) => void) | undefined,
  ) {}

  time(stage: StageName, seconds: number): void {
    this.stages[stage] = (this.stages[stage] ?? 0) + seconds;
  }

  /** Says what is ahead: jobs for tiles, of which progress tells how many are done. */
  plan(kind: DenoiseJob['kind'], tiles: readonly Tile[]): void {
    this.#total += work(kind, tiles);
  }

  /** @throws QuietframeError `cancelled`, and what the workers answer. */
  run(jobs: readonly DenoiseJob[], pool = this.pool): Promise<void> {
    return runConcurrently(pool.size, jobs, this.signal, async (job) => {
      const result = await pool.run('work', job);
      this.simd = result.simd;
      if (KERNEL_JOBS.includes(job.kind)) this.executionProvider = result.provider;
      for (const [stage, seconds] of Object.entries(result.seconds)) this.time(stage as StageName, seconds);
      if (result.explained !== undefined) this.explained[result.explained.index] = result.explained.level;
      if (job.kind === 'expose') this.#exposure = result.exposure;
      this.onDone?.(job);
      if (!('tile' in job)) return;
      this.#done += work(job.kind, [job.tile]);
      // What remains when all tiles are done, so that 1 means done.
      this.onProgress?.(this.#done / (1.001 * this.#total));
    });
  }

  /** Runs jobs, one of which measures an exposure; tells it. */
  async expose(jobs: readonly DenoiseJob[]): Promise<number> {
    await this.run(jobs);
    return this.#exposure;
  }
}

function work(kind: DenoiseJob['kind'], tiles: readonly Tile[]): number {
  return (WORK[kind] ?? 0) * tiles.reduce((sum, { width, height }) => sum + width * height, 0);
}
