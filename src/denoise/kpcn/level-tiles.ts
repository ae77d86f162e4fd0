import type { Tile } from '../../image/region.js';
import type { DenoiseJob, DenoisePool } from '../worker/jobs.js';
import type { RequestJobs } from '../worker/progress-tracker.js';

/** The tiles of all levels of a request, the finest first, by the step that runs on them. */
export class LevelTiles<Step extends string> {
  /** @param pool of the jobs; the pool of the request without it. */
  constructor(
    private readonly jobs: RequestJobs,
    private readonly levels: readonly Readonly<Record<Step, readonly Tile[]>>[],
    private readonly pool?: DenoisePool,
  ) {}

  /** Tiles of a step in all levels. */
  count(step: Step): number {
    return this.levels.reduce((sum, tiles) => sum + tiles[step].length, 0);
  }

  /** Tiles of a step in the finest level. */
  finest(step: Step): readonly Tile[] {
    return this.levels[0]?.[step] ?? [];
  }

  /** Says that a step is ahead, as jobs of a kind. */
  plan(kind: DenoiseJob['kind'], step: Step): void {
    for (const tiles of this.levels) this.jobs.plan(kind, tiles[step]);
  }

  /** @throws QuietframeError as `RequestJobs.run`. */
  run(step: Step, jobOf: (l: number, tile: Tile) => DenoiseJob): Promise<void> {
    const jobs = this.levels.flatMap((tiles, l) => tiles[step].map((tile) => jobOf(l, tile)));
    return this.jobs.run(jobs, this.pool);
  }
}
