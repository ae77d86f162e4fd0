import { describe, expect, it } from 'vitest';
import { WorkQueue } from '../../src/server/work-queue.js';

const never = new AbortController().signal;

function gate(): { readonly open: () => void; readonly opened: Promise<void> } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open: () => open(), opened };
}

describe('WorkQueue', () => {
  it('runs no more than its concurrency, first come first served', async () => {
    const queue = new WorkQueue(2, 3);
    const order: number[] = [];
    const gates = Array.from({ length: 5 }, gate);
    const runs = gates.map(({ opened }, index) =>
      queue.admit().run(async () => {
        order.push(index);
        await opened;
      }, never),
    );
    await Promise.resolve();
    expect([queue.running, queue.depth]).toEqual([2, 3]);
    expect(order).toEqual([0, 1]);
    gates[1]?.open();
    await runs[1];
    await Promise.resolve();
    expect(order).toEqual([0, 1, 2]);
    for (const { open } of gates) open();
    await Promise.all(runs);
    expect(order).toEqual([0, 1, 2, 3, 4]);
    expect([queue.running, queue.depth]).toEqual([0, 0]);
  });

  it('refuses one more than its places, until one is left', () => {
    const queue = new WorkQueue(1, 1);
    const first = queue.admit();
    queue.admit();
    expect(() => queue.admit()).toThrow(expect.objectContaining({ code: 'overloaded' }));
    first.leave();
    first.leave();
    queue.admit();
    expect(() => queue.admit()).toThrow(expect.objectContaining({ code: 'overloaded' }));
  });

  it('keeps the place of work that goes on after its request has left', async () => {
    const queue = new WorkQueue(1, 0);
    const { open, opened } = gate();
    const place = queue.admit();
    const run = place.run(() => opened, never);
    place.leave();
    expect(() => queue.admit()).toThrow(expect.objectContaining({ code: 'overloaded' }));
    open();
    await run;
    expect(queue.places).toBe(0);
    queue.admit();
  });

  it('goes on after work that fails', async () => {
    const queue = new WorkQueue(1, 1);
    const failing = queue.admit().run(() => Promise.reject(new Error('no')), never);
    const next = queue.admit().run(() => Promise.resolve(7), never);
    await expect(failing).rejects.toThrow('no');
    expect(await next).toBe(7);
  });

  it('does not start work that is cancelled before its turn', async () => {
    const queue = new WorkQueue(1, 2);
    const { open, opened } = gate();
    const controller = new AbortController();
    const first = queue.admit().run(() => opened, never);
    let started = false;
    const cancelled = queue.admit().run(async () => {
      started = true;
    }, controller.signal);
    const last = queue.admit().run(() => Promise.resolve(1), never);
    controller.abort();
    await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' });
    open();
    await first;
    expect(await last).toBe(1);
    expect(started).toBe(false);
    await expect(queue.run(() => Promise.resolve(), controller.signal)).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect([queue.running, queue.depth]).toEqual([0, 0]);
  });

  it('says when to come again, in whole seconds', () => {
    expect(new WorkQueue(1, 1).retryAfterSeconds).toBe(1);
  });
});
