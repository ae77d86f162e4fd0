import { describe, expect, it } from 'vitest';
import { Mutex } from '../../src/threads/mutex.js';

describe('Mutex', () => {
  it('lets one through at a time in the order of arrival', async () => {
    const turnstile = new Mutex();
    const order: string[] = [];
    const visit = async (name: string): Promise<void> => {
      const leave = await turnstile.enter();
      order.push(`${name} in`);
      await new Promise((resolve) => setImmediate(resolve));
      order.push(`${name} out`);
      leave();
    };
    await Promise.all(['a', 'b', 'c'].map(visit));
    expect(order).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  it('forgets one that stops waiting', async () => {
    const turnstile = new Mutex();
    const leave = await turnstile.enter();
    const controller = new AbortController();
    const impatient = turnstile.enter(controller.signal);
    const patient = turnstile.enter();
    controller.abort();
    await expect(impatient).rejects.toMatchObject({ code: 'cancelled' });
    leave();
    // Leaving twice must not let a second one in.
    leave();
    const leavePatient = await patient;
    let third = false;
    const last = turnstile.enter().then((go) => {
      third = true;
      go();
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(third).toBe(false);
    leavePatient();
    await last;
  });

  it('turns away a request that was aborted before', async () => {
    await expect(new Mutex().enter(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  });
});
