import { describe, expect, it } from 'vitest';
import { anonymousCaller } from '../../../src/server/auth/tokens.js';
import type { RequestPriority } from '../../../src/server/queue/queue-slot.js';
import { WorkQueue } from '../../../src/server/queue/work-queue.js';

const never = new AbortController().signal;
const done = (): Promise<void> => Promise.resolve();

function of(
  name: string,
  terms: Partial<Omit<RequestPriority, 'caller'>> & { readonly places?: number } = {},
): RequestPriority {
  const { places = Number.POSITIVE_INFINITY, ...rest } = terms;
  return { caller: { ...anonymousCaller(name), places }, urgency: 3, deadline: undefined, ...rest };
}

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

/** Lets everything that is ready run. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A queue of one whose order of work is noted, held until the gate opens. */
function held(queue = new WorkQueue(1, 20)) {
  const order: string[] = [];
  const { open, opened } = gate();
  const first = queue.admit(of('holder')).run(() => opened, never);
  const add = (label: string, terms: RequestPriority, bytes = 0): Promise<void> =>
    queue.admit(terms).run(
      async () => {
        order.push(label);
      },
      never,
      bytes,
    );
  return { queue, order, open, first, add };
}

describe('WorkQueue', () => {
  it('runs no more than its concurrency, first come first served', async () => {
    const queue = new WorkQueue(2, 3);
    const order: number[] = [];
    const gates = Array.from({ length: 5 }, gate);
    const runs = gates.map(({ opened }, index) =>
      queue.admit(of('a')).run(async () => {
        order.push(index);
        await opened;
      }, never),
    );
    await settle();
    expect([queue.running, queue.depth]).toEqual([2, 3]);
    expect(order).toEqual([0, 1]);
    gates[1]?.open();
    await runs[1];
    await settle();
    expect(order).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(runs);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect([queue.running, queue.depth]).toEqual([0, 0]);
  });

  it('refuses one more than its places, until one is left, and says when to come again', () => {
    const queue = new WorkQueue(1, 1);
    const first = queue.admit(of('a'));
    queue.admit(of('a'));
    const refused = expect.objectContaining({
      code: 'overloaded',
      message: 'The queue is full (2 requests). Try again in 1 s',
      details: { retryAfter: 1 },
    });
    expect(() => queue.admit(of('a'))).toThrow(refused);
    first.leave();
    first.leave();
    queue.admit(of('a'));
    expect(() => queue.admit(of('a'))).toThrow(refused);
  });

  it('keeps the place of work that goes on after its request has left', async () => {
    const queue = new WorkQueue(1, 0);
    const { open, opened } = gate();
    const place = queue.admit(of('a'));
    const run = place.run(() => opened, never);
    place.leave();
    expect(() => queue.admit(of('a'))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    open();
    await run;
    expect(queue.places).toBe(0);
    queue.admit(of('a'));
  });

  it('goes on after work that fails', async () => {
    const queue = new WorkQueue(1, 1);
    const failing = queue.admit(of('a')).run(() => Promise.reject(new Error('no')), never);
    const next = queue.admit(of('a')).run(() => Promise.resolve(7), never);
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe(7);
  });

  it('does not start work that is cancelled before its turn', async () => {
    const { queue, order, open, first, add } = held();
    const controller = new AbortController();
    const cancelled = queue.admit(of('a')).run(done, controller.signal);
    const last = add('last', of('a'));
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    open();
    await Promise.all([first, last]);
    expect(order).toEqual(['last']);
    await expect(queue.run(done, controller.signal, of('a'))).rejects.toMatchObject({ code: 'cancelled' });
    expect([queue.running, queue.depth]).toEqual([0, 0]);
  });
});

describe('the order of work', () => {
  it('is by urgency, then by arrival', async () => {
    const { order, open, first, add } = held();
    const runs = [
      add('idle', of('a', { urgency: 7 })),
      add('one', of('a')),
      add('urgent', of('a', { urgency: 0 })),
      add('two', of('a')),
    ];
    open();
    await Promise.all([first, ...runs]);
    expect(order).toEqual(['urgent', 'one', 'two', 'idle']);
  });

  it('takes callers in turn, however many requests one has sent before', async () => {
    const queue = new WorkQueue(1, 20);
    const order: string[] = [];
    const { open, opened } = gate();
    const first = queue.admit(of('holder')).run(() => opened, never);
    const run = (name: string): Promise<void> =>
      queue.admit(of(name)).run(async () => {
        order.push(name);
        // Work takes time: otherwise nobody has been served more than others.
        const start = performance.now();
        while (performance.now() === start);
      }, never);
    const runs = [run('a'), run('a'), run('a'), run('a'), run('b'), run('b')];
    open();
    await Promise.all([first, ...runs]);
    expect(order.slice(0, 2).sort()).toEqual(['a', 'b']);
    expect(order.indexOf('b')).toBeLessThan(2);
    expect(order.lastIndexOf('b')).toBeLessThan(5);
    expect(order.filter((name) => name === 'a')).toHaveLength(4);
  });

  it('waits for memory, and lets nothing smaller pass', async () => {
    const queue = new WorkQueue(3, 20, 100);
    const { open, opened } = gate();
    const order: string[] = [];
    const run = (label: string, bytes: number): Promise<void> =>
      queue.run(
        async () => {
          order.push(label);
          if (label === 'large') await opened;
        },
        never,
        of('a'),
        bytes,
      );
    const runs = [run('large', 60), run('larger', 70), run('small', 10)];
    await settle();
    expect(order).toEqual(['large']);
    expect(queue.reservedBytes).toBe(60);
    open();
    await Promise.all(runs);
    expect(order).toEqual(['large', 'larger', 'small']);
    expect(queue.reservedBytes).toBe(0);
    await expect(run('never', 101)).rejects.toMatchObject({ code: 'too-large' });
  });
});

describe('shares', () => {
  it('are bounded by the quota of the caller', () => {
    const queue = new WorkQueue(1, 9);
    const place = queue.admit(of('a', { places: 1 }));
    expect(() => queue.admit(of('a', { places: 1 }))).toThrow(
      expect.objectContaining({ code: 'too-many-requests' }),
    );
    queue.admit(of('b', { places: 1 }));
    place.leave();
    queue.admit(of('a', { places: 1 }));
  });

  it('give way: a newcomer gets the place of the latest of whoever holds most', async () => {
    const queue = new WorkQueue(1, 3);
    const { open, opened } = gate();
    const running = queue.admit(of('greedy')).run(() => opened, never);
    const waiting = queue.admit(of('greedy')).run(done, never);
    const mild = expect(queue.admit(of('greedy', { urgency: 5 })).run(done, never)).rejects.toMatchObject({
      code: 'too-many-requests',
      details: { retryAfter: 4 },
    });
    const last = expect(queue.admit(of('greedy')).run(done, never)).rejects.toMatchObject({
      code: 'too-many-requests',
    });
    const other = queue.admit(of('other'));
    await mild;
    const second = queue.admit(of('other'));
    await last;
    // Now they hold as many as each other.
    expect(() => queue.admit(of('other'))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(() => queue.admit(of('greedy'))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    open();
    await Promise.all([running, waiting, other.run(done, never), second.run(done, never)]);
    for (const place of [other, second]) place.leave();
    expect(queue.places).toBe(2);
  });
});

describe('a deadline', () => {
  it('ends work that waits, and work that runs', async () => {
    const { queue, open, first } = held();
    const past = { deadline: performance.now() + 30 };
    await expect(queue.run(done, never, of('a', past))).rejects.toMatchObject({ code: 'deadline-exceeded' });
    open();
    await first;
    const work = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended'))));
    const soon = { deadline: performance.now() + 30 };
    await expect(queue.run(work, never, of('a', soon))).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect([queue.running, queue.depth]).toEqual([0, 0]);
  });

  it('that the queue cannot keep is refused at once', async () => {
    const { queue, open, first } = held();
    // Work is taken to last a second until some has been timed.
    const soon = of('a', { deadline: performance.now() + 100 });
    expect(() => queue.admit(soon)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    queue.admit(of('a', { deadline: performance.now() + 60_000 }));
    open();
    await first;
  });
});

describe('nobody waits for ever', () => {
  it('behind more urgent requests of others', async () => {
    let now = 0;
    const { order, open, first, add } = held(
      new WorkQueue(1, 20, Number.POSITIVE_INFINITY, { now: () => now }),
    );
    const runs = [add('patient', of('a', { urgency: 5 }))];
    now = 60_000;
    for (let i = 0; i < 3; i++) runs.push(add('urgent', of('b', { urgency: 0 })));
    open();
    await Promise.all([first, ...runs]);
    expect(order[0]).toBe('patient');
  });

  it('behind work that never ends', async () => {
    const queue = new WorkQueue(1, 1, Number.POSITIVE_INFINITY, { workMs: 1 });
    const work = (signal: AbortSignal): Promise<void> =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    await expect(queue.admit(of('a')).run(work, never)).rejects.toMatchObject({ code: 'deadline-exceeded' });
    expect(queue.running).toBe(0);
  });

  it('while the uploads of another caller hold all places', () => {
    const queue = new WorkQueue(1, 2);
    const held = [1, 2, 3].map(() => queue.admit(of('greedy')));
    expect(() => queue.admit(of('greedy'))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    queue.admit(of('other'));
    expect(held.map(({ lost }) => lost.aborted)).toEqual([false, false, true]);
    expect(held[2]?.lost.reason).toMatchObject({ code: 'too-many-requests' });
    expect(queue.places).toBe(3);
  });
});
