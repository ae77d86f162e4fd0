import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { fanOut } from '../../../src/cli/sequence/fan-out.js';

const jobs = Array.from({ length: 23 }, (_, i) => i);

describe('fan-out', () => {
  it.each([1, 2, 5, 23, 40])('does every job once in %i lanes', async (lanes) => {
    const done: number[] = [];
    const left = await fanOut(jobs, lanes, async (job) => {
      await turn();
      done.push(job);
      return 'settled';
    });
    expect(left).toEqual([]);
    expect(done.sort((a, b) => a - b)).toEqual(jobs);
  });

  it('gives each lane a row of neighbors', async () => {
    const rows: number[][] = [[], []];
    await fanOut(jobs, 2, async (job, lane) => {
      rows[lane]?.push(job);
      await turn();
      return 'settled';
    });
    expect(rows[0]?.slice(0, 10)).toEqual(jobs.slice(0, 10));
    expect(rows[1]?.slice(0, 10)).toEqual(jobs.slice(11, 21));
  });

  it('lets a quick lane take from a slow one', async () => {
    const counts = [0, 0];
    await fanOut(jobs, 2, async (_, lane) => {
      counts[lane] = (counts[lane] as number) + 1;
      for (let i = 0; i < (lane === 0 ? 40 : 1); i++) await turn();
      return 'settled';
    });
    expect(counts[1]).toBeGreaterThan(2 * (counts[0] as number));
  });

  it('gives the jobs of a lost lane to the others, even when they had ended', async () => {
    const done = new Set<number>();
    const left = await fanOut([0, 1], 2, async (job, lane) => {
      if (lane === 0) {
        for (let i = 0; i < 20; i++) await turn();
        return 'worker-lost';
      }
      done.add(job);
      return 'settled';
    });
    expect(left).toEqual([]);
    expect([...done].sort()).toEqual([0, 1]);
  });

  it('returns what no lane was left for', async () => {
    const left = await fanOut([0, 1, 2], 2, async () => 'worker-lost');
    expect(left.sort()).toEqual([0, 1, 2]);
  });

  it('rejects with what the work throws', async () => {
    const run = fanOut(jobs, 2, async () => {
      throw new Error('broken');
    });
    await expect(run).rejects.toThrow('broken');
  });
});
