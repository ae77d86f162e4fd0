import { afterEach, describe, expect, it, vi } from 'vitest';
import { anonymousCaller } from '../../../src/server/auth/tokens.js';
import { type FrameEnd, Job, type JobSpec } from '../../../src/server/jobs/job.js';
import { JobStore } from '../../../src/server/jobs/job-store.js';

const caller = anonymousCaller('a');
const END: FrameEnd = {
  result: {
    digest: '0'.repeat(64),
    bytes: 1,
    report: { model: 'kpcn', version: 1, device: 'cpu', warnings: [], windowUsed: 1, stages: {} },
  },
};

function job(id: string, frames = 1, spec: Partial<JobSpec> = {}): Job {
  return new Job({
    id,
    owner: 'a',
    created: '',
    urgency: 5,
    parameters: {},
    frames: Array.from({ length: frames }, () => ({ frames: ['x'] })),
    ...spec,
  });
}

function store(options: Partial<ConstructorParameters<typeof JobStore>[0]> = {}): JobStore {
  return new JobStore({ maxJobs: 3, maxJobFrames: 10, jobSeconds: 60, ...options });
}

afterEach(() => vi.useRealTimers());

describe('JobStore', () => {
  it('keeps what has ended for its time, whatever happens to the clock of the day', () => {
    let now = 0;
    vi.useFakeTimers({ toFake: ['Date'] });
    const jobs = store({ now: () => now });
    const one = job('one');
    const two = job('two');
    for (const each of [one, two]) jobs.add(each, caller);
    one.finish(0, END);
    vi.setSystemTime(new Date('2099-01-01'));
    expect(jobs.find('one', caller)).toBe(one);
    now = 59_999;
    expect(jobs.find('one', caller)).toBe(one);
    vi.setSystemTime(new Date('1970-01-01'));
    now = 60_000;
    expect(() => jobs.find('one', caller)).toThrow(expect.objectContaining({ code: 'not-found' }));
    now = 1e9;
    expect(jobs.jobs).toEqual([two]);
  });

  it('is bounded by jobs and by frames, and lets go of what ended first', () => {
    const removed: string[] = [];
    const jobs = store({ onRemove: ({ spec }) => removed.push(spec.id) });
    const all = ['a', 'b', 'c'].map((id) => job(id, 3));
    for (const each of all) jobs.add(each, caller);
    expect(() => jobs.add(job('d'), caller)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    for (const index of [0, 1, 2]) all[1]?.finish(index, END);
    expect(() => jobs.add(job('d', 5), caller)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    jobs.add(job('d', 4), caller);
    expect(removed).toEqual(['b']);
  });

  it('shows nobody the jobs of others', () => {
    const jobs = store();
    jobs.add(job('mine', 1, { idempotency: { key: 'k', fingerprint: 'f' } }), caller);
    expect(() => jobs.find('mine', anonymousCaller('b'))).toThrow(
      expect.objectContaining({ code: 'not-found' }),
    );
    expect(jobs.withKey('k', anonymousCaller('b'))).toBeUndefined();
    expect(jobs.withKey('k', caller)?.spec.id).toBe('mine');
  });

  it('minds how many jobs a caller may have', () => {
    const jobs = store();
    const limited = { ...caller, jobs: 1 };
    const first = job('first');
    jobs.add(first, limited);
    expect(() => jobs.add(job('second'), limited)).toThrow(
      expect.objectContaining({ code: 'too-many-requests' }),
    );
    first.finish(0, END);
    jobs.add(job('second'), limited);
  });
});

describe('the frames of a caller', () => {
  it('leave room for the jobs of others', () => {
    const jobs = store({ maxJobFrames: 10, callerJobFrames: 6 });
    jobs.add(job('one', 4), caller);
    expect(() => jobs.add(job('two', 3), caller)).toThrow(
      expect.objectContaining({ code: 'too-many-requests' }),
    );
    jobs.add(job('other', 4, { owner: 'b' }), anonymousCaller('b'));
    expect(jobs.jobs.map(({ spec }) => spec.id)).toEqual(['one', 'other']);
  });
});

describe('Job', () => {
  const indices = (one: Job, after: number): number[] =>
    (one.status(after).frames as { index: number }[]).map(({ index }) => index);

  it('tells what has changed since a version, however often', () => {
    const one = job('one', 50);
    const versions = Array.from({ length: 1000 }, (_, step) => {
      one.advance(step % 7, step / 1000);
      return one.version;
    });
    expect(indices(one, 0)).toHaveLength(50);
    expect(indices(one, 1)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(indices(one, versions[996] ?? 0)).toEqual([3, 4, 5].map((each) => (each + 994) % 7).sort());
    expect(indices(one, one.version)).toEqual([]);
  });

  it('is written once for all who follow it, and looks at no frame for its state', () => {
    const one = job('one', 50);
    one.begin(3);
    const status = vi.spyOn(one, 'status');
    const texts = Array.from({ length: 60 }, () => one.statusText(1));
    expect([status.mock.calls.length, new Set(texts).size]).toEqual([1, 1]);
    one.finish(3, END);
    expect(JSON.parse(one.statusText(1))).toMatchObject({
      state: 'running',
      done: 1,
      frames: [{ index: 3 }],
    });
  });

  it('never falls back, and is at 1 only when all is done', () => {
    const one = job('one', 2);
    const seen = [one.progress];
    const note = (): number => seen.push(one.progress);
    one.onChange(note);
    one.begin(0);
    one.advance(0, 0.9);
    one.suspend(0);
    one.begin(0);
    one.advance(0, 0.1);
    one.finish(0, END);
    one.advance(1, 1);
    expect(one.progress).toBeLessThan(1);
    one.finish(1, END);
    expect(one.progress).toBe(1);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
    expect(one.state).toBe('done');
  });

  it('is failed when a frame is, and cancelled when it is told so', () => {
    const one = job('one', 2);
    one.finish(0, { error: { type: 'urn:quietframe:problem:internal', title: '', status: 500, detail: '' } });
    expect(one.state).toBe('running');
    one.finish(1, END);
    expect([one.state, one.ended]).toEqual(['failed', true]);
    const two = job('two', 2);
    two.begin(0);
    two.cancel();
    expect([two.state, two.cancelled.aborted]).toEqual(['cancelled', true]);
    expect(two.status()).toMatchObject({ frames: [{ state: 'running' }, { state: 'cancelled' }] });
  });
});
