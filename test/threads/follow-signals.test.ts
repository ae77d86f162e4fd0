import { getEventListeners } from 'node:events';
import { expect, it } from 'vitest';
import { followSignals } from '../../src/threads/follow-signals.js';

it('aborts with the first of its signals, and with none once it is released', () => {
  const [first, second] = [new AbortController(), new AbortController()];
  const follow = () => followSignals([first.signal, second.signal]);
  const [one, released] = [follow(), follow()];
  released.release();
  expect(one.signal.aborted).toBe(false);
  second.abort();
  expect([one, released, follow()].map(({ signal }) => signal.aborted)).toEqual([true, false, true]);
});

it('leaves nothing in its signals', () => {
  const { signal } = new AbortController();
  for (let i = 0; i < 100; i++) followSignals([signal]).release();
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
