import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { ThreadPool, type ThreadPoolOptions } from '../../src/threads/thread-pool.js';

interface Jobs {
  readonly echo: {
    readonly given: unknown;
    readonly answer: { readonly given: unknown; readonly threadId: number };
  };
  readonly refuse: { readonly given: undefined; readonly answer: unknown };
  readonly fail: { readonly given: undefined; readonly answer: unknown };
  readonly crash: { readonly given: unknown; readonly answer: unknown };
  readonly crashOnce: { readonly given: string; readonly answer: unknown };
  readonly wait: { readonly given: undefined; readonly answer: unknown };
  readonly spin: { readonly given: undefined; readonly answer: unknown };
}

const script = new URL('fixtures/fragile-worker.mjs', import.meta.url);
const pools: ThreadPool<Jobs>[] = [];

function open(options: Partial<ThreadPoolOptions> = {}): ThreadPool<Jobs> {
  const pool = new ThreadPool<Jobs>({ script, threads: 2, work: 'the test', abort: 'notify', ...options });
  pools.push(pool);
  return pool;
}

afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** A job that runs until its signal aborts, once it has begun. */
async function begin(pool: ThreadPool<Jobs>, name: 'wait' | 'spin') {
  const controller = new AbortController();
  let result: Promise<unknown> | undefined;
  await new Promise<void>((resolve) => {
    result = pool.run(name, undefined, { signal: controller.signal, onProgress: () => resolve() });
    result.catch(() => {});
  });
  return { abort: () => controller.abort(), result: expect(result).rejects };
}

const CANCELLED = { code: 'cancelled', message: 'The test was cancelled' };

describe('ThreadPool', () => {
  it('answers every job, on no more threads than asked for', async () => {
    const pool = open();
    const jobs = Array.from({ length: 20 }, (_, i) => `job ${i}`);
    const answers = await Promise.all(jobs.map((job) => pool.run('echo', job)));
    expect(answers.map(({ given }) => given)).toEqual(jobs);
    expect(new Set(answers.map(({ threadId }) => threadId)).size).toBe(2);
  });

  it('passes the errors of jobs on and keeps the thread', async () => {
    const pool = open({ threads: 1 });
    const { threadId } = await pool.run('echo', 1);
    await expect(pool.run('refuse', undefined)).rejects.toMatchObject({
      ...{ code: 'missing-layer', message: 'refused', details: { layer: 'albedo' } },
      cause: expect.stringContaining('Error: why\n'),
    });
    await expect(pool.run('fail', undefined)).rejects.toMatchObject({
      ...{ code: 'internal', message: 'The test failed' },
      cause: expect.stringContaining('TypeError: a fault\n'),
    });
    await expect(pool.run('echo', () => {})).rejects.toMatchObject({ code: 'internal' });
    expect((await pool.run('echo', 2)).threadId).toBe(threadId);
  });

  it('fails a job that ends its thread every time, and only that one', async () => {
    const pool = open();
    const crash = pool.run('crash', undefined);
    const others = ['a', 'b', 'c', 'd'].map((job) => pool.run('echo', job));
    await expect(crash).rejects.toMatchObject({ code: 'internal' });
    expect((await Promise.all(others)).map(({ given }) => given)).toEqual(['a', 'b', 'c', 'd']);
    expect((await pool.run('echo', 'later')).given).toBe('later');
    expect(pool.crashes).toBe(2);
  });

  it('runs a job again whose thread has ended, without progress that falls back', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'quietframe-pool-'));
    const fractions: number[] = [];
    const onProgress = (fraction: number) => fractions.push(fraction);
    await open().run('crashOnce', join(folder, 'crashed'), { onProgress });
    expect(fractions).toHaveLength(2);
    expect(fractions.at(-1)).toBe(1);
    await rm(folder, { recursive: true });
  });

  it('moves memory to a job and back, and gives a job up whose memory has gone with its thread', async () => {
    const pool = open({ threads: 1 });
    const moved = Float32Array.of(1, 2, 3);
    const { given } = await pool.run('echo', moved, { transfer: [moved.buffer] });
    expect(given).toEqual(Float32Array.of(1, 2, 3));
    expect(moved.length).toBe(0);
    const lost = new Float32Array(1);
    await expect(pool.run('crash', lost, { transfer: [lost.buffer] })).rejects.toMatchObject({
      code: 'internal',
    });
    expect(pool.crashes).toBe(1);
  });

  it.each(['wait', 'spin'] as const)(
    'tells a job that its signal has aborted, and keeps the thread: %s',
    async (name) => {
      const pool = open({ threads: 1 });
      const { threadId } = await pool.run('echo', 1);
      const { abort, result } = await begin(pool, name);
      abort();
      await result.toMatchObject({ code: 'cancelled' });
      expect((await pool.run('echo', 2)).threadId).toBe(threadId);
    },
  );

  it('ends the thread of a job whose signal has aborted, where that is the policy', async () => {
    const pool = open({ threads: 1, abort: 'terminate' });
    const { threadId } = await pool.run('echo', 1);
    const { abort, result } = await begin(pool, 'spin');
    abort();
    await result.toMatchObject(CANCELLED);
    expect((await pool.run('echo', 2)).threadId).not.toBe(threadId);
    expect(pool.crashes).toBe(0);
  });

  it('drops a job that waits when its signal aborts, and starts none whose signal has', async () => {
    const pool = open({ threads: 1 });
    const running = await begin(pool, 'wait');
    const controller = new AbortController();
    const waiting = expect(pool.run('echo', 1, { signal: controller.signal })).rejects;
    controller.abort();
    await waiting.toMatchObject(CANCELLED);
    await expect(pool.run('echo', 1, { signal: controller.signal })).rejects.toMatchObject(CANCELLED);
    running.abort();
    await running.result.toMatchObject({ code: 'cancelled' });
  });

  it('runs jobs side by side in one thread, where that is asked for', async () => {
    const pool = open({ threads: 1, jobsPerThread: 2 });
    const running = await begin(pool, 'wait');
    const { threadId } = await pool.run('echo', 1);
    running.abort();
    await running.result.toMatchObject({ code: 'cancelled' });
    expect((await pool.run('echo', 2)).threadId).toBe(threadId);
  });

  it('ends a thread that runs past the time limit', async () => {
    const pool = open({ abort: 'terminate', timeLimitMs: 1 });
    await expect(pool.run('spin', undefined)).rejects.toMatchObject({
      ...{ code: 'too-large', message: 'Expected at most 1 ms for the test but received "more"' },
    });
  });

  it('keeps no more idle threads than asked for', async () => {
    const pool = open({ threads: 1, idleThreads: 0 });
    const { threadId } = await pool.run('echo', 1);
    expect((await pool.run('echo', 2)).threadId).not.toBe(threadId);
    expect(pool.crashes).toBe(0);
  });

  it.each(['notify', 'terminate'] as const)(
    'rejects what waits or runs when it is closed, and what comes later: %s',
    async (policy) => {
      const pool = open({ threads: 1, abort: policy });
      const running = await begin(pool, 'spin');
      const waiting = expect(pool.run('echo', 1)).rejects.toMatchObject(CANCELLED);
      await pool.close();
      await running.result.toMatchObject(CANCELLED);
      await waiting;
      await expect(pool.run('echo', 2)).rejects.toMatchObject(CANCELLED);
    },
  );
});
