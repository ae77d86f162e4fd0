import { expect, it } from 'vitest';
import { makeExr } from '../support/exr-files.js';
import { collect, expectCode, failure, frames, messagesOf, type RunningRpc, startRpc } from './support.js';

/** A call that holds a place until it is let go, behind a proxy on this machine. */
function call({ client }: RunningRpc, address: string): Promise<unknown> {
  return collect(client.denoise(messagesOf(frames(makeExr())), { headers: { 'x-forwarded-for': address } }));
}

it('counts the places of clients behind a trusted proxy apart', async () => {
  const rpc = await startRpc({ trustProxy: 'loopback', callerPlaces: 1 });
  let release = (): void => {};
  rpc.service.hold = new Promise((resolve) => {
    release = resolve;
  });
  const first = call(rpc, '192.0.2.1');
  await expect.poll(() => rpc.app.context.queue.places).toBe(1);
  expectCode(await failure(call(rpc, '192.0.2.1')), 'too-many-requests');
  const other = call(rpc, '192.0.2.2');
  await expect.poll(() => rpc.app.context.queue.places).toBe(2);
  release();
  await Promise.all([first, other]);
});

it('believes nobody without trusted proxies', async () => {
  const rpc = await startRpc({ callerPlaces: 1 });
  let release = (): void => {};
  rpc.service.hold = new Promise((resolve) => {
    release = resolve;
  });
  const first = call(rpc, '192.0.2.1');
  await expect.poll(() => rpc.app.context.queue.places).toBe(1);
  expectCode(await failure(call(rpc, '192.0.2.2')), 'too-many-requests');
  release();
  await first;
});
