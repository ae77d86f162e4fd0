/** What became of a job in a lane: settled, or not, because the lane is gone. */
export type WorkerOutcome = 'settled' | 'worker-lost';

/**
 * Works off jobs in lanes. Every lane begins with a contiguous range of them, in order, for neighbors in a row share
 * files; a lane that has none left takes the later half of the longest range. The job of a lane that is lost goes to the
 * others, with all that it had not begun.
 * @returns the jobs that no lane was left for.
 */
export async function fanOut<Job>(
  jobs: readonly Job[],
  lanes: number,
  work: (job: Job, lane: number) => Promise<WorkerOutcome>,
): Promise<Job[]> {
  const ranges = Array.from({ length: lanes }, (_, lane) =>
    jobs.slice(Math.floor((lane * jobs.length) / lanes), Math.floor(((lane + 1) * jobs.length) / lanes)),
  );
  let running = 0;
  let wake = (): void => {};
  let changed = Promise.resolve();
  const announce = (): void => {
    wake();
    changed = new Promise((resolve) => {
      wake = resolve;
    });
  };
  announce();

  const take = (lane: number): Job | undefined => {
    const own = ranges[lane] as Job[];
    if (own.length === 0) {
      const longest = ranges.reduce((most, range) => (range.length > most.length ? range : most), own);
      own.push(...longest.splice(Math.floor(longest.length / 2)));
    }
    return own.shift();
  };
  const run = async (lane: number): Promise<void> => {
    for (;;) {
      const job = take(lane);
      if (job === undefined) {
        // What runs elsewhere may come back.
        if (running === 0) return;
        await changed;
        continue;
      }
      running++;
      try {
        if ((await work(job, lane)) === 'worker-lost') {
          ranges[lane]?.unshift(job);
          return;
        }
      } finally {
        running--;
        announce();
      }
    }
  };
  await Promise.all(ranges.map((_, lane) => run(lane)));
  return ranges.flat();
}
