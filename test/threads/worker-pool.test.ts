import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WorkerPool } from '../../src/threads/worker-pool.js';

type Job = string | { crashOnce: string };

const SCRIPT = new URL('../denoise/fixtures/fragile-worker.mjs', import.meta.url);

let pool: WorkerPool<Job, { job: Job; threadId: number }>;

beforeEach(() => {
  pool = new WorkerPool(SCRIPT, 2, undefined);
});

afterEach(() => pool.close());

describe('WorkerPool', () => {
  it('answers every job, on no more threads than asked for', async () => {
    const jobs = Array.from({ length: 20 }, (_, i) => `job ${i}`);
    const answers = await Promise.all(jobs.map((job) => pool.run(job)));
    expect(answers.map(({ job }) => job)).toEqual(jobs);
    expect(new Set(answers.map(({ threadId }) => threadId)).size).toBe(2);
  });

  it('passes on the errors of a worker and keeps it', async () => {
    const single = new WorkerPool<Job, { threadId: number }>(SCRIPT, 1, undefined);
    const { threadId } = await single.run('first');
    await expect(single.run('throw')).rejects.toMatchObject({ code: 'internal', message: 'refused' });
    expect((await single.run('second')).threadId).toBe(threadId);
    await single.close();
  });

  it('fails a job that ends its worker every time, and only that one', async () => {
    const crash = pool.run('crash');
    const others = ['a', 'b', 'c', 'd'].map((job) => pool.run(job));
    await expect(crash).rejects.toMatchObject({ code: 'internal' });
    expect((await Promise.all(others)).map(({ job }) => job)).toEqual(['a', 'b', 'c', 'd']);
    expect((await pool.run('later')).job).toBe('later');
  });

  it('runs a job again whose worker has crashed', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quietframe-pool-'));
    const job = { crashOnce: join(folder, 'crashed') };
    expect((await pool.run(job)).job).toEqual(job);
    await rm(folder, { recursive: true });
  });

  it('rejects what waits or runs when it is closed, and what comes later', async () => {
    const running = Array.from({ length: 5 }, (_, i) =>
      expect(pool.run(`${i}`)).rejects.toMatchObject({ code: 'cancelled' }),
    );
    await pool.close();
    await Promise.all(running);
    await expect(pool.run('late')).rejects.toMatchObject({ code: 'cancelled' });
  });
});
