import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { LeastRate } from '../../src/server/http/least-rate.js';
import { startRpc } from '../rpc/support.js';
import { makeExr } from '../support/exr-files.js';
import { fakeApp, listen, post } from './support.js';

const EXR = makeExr();
/** More than the buffers of a connection hold. */
const LARGE = makeExr({ width: 1500, height: 1000, value: (index) => Math.sin(index * index) });
const config = {
  maxUploadBytes: 2 ** 26,
  answerBytes: 2 ** 26,
  stallSeconds: 1,
  leastRate: 2 ** 16,
  uploadSeconds: 60,
};
const { app, service } = await fakeApp(config);
const port = await listen(app);

const sockets = new Set<Socket>();
afterAll(() => {
  for (const socket of sockets) socket.destroy();
});

async function open(): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  sockets.add(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

const head = (length: number): string =>
  `POST /v1/denoise HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/x-exr\r\nContent-Length: ${length}\r\n\r\n`;

describe('clients that are too slow lose their places', () => {
  it('while they send', async () => {
    const slow = await Promise.all(Array.from({ length: 5 }, open));
    const answers = slow.map(async (socket) => {
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString();
    });
    for (const socket of slow) socket.write(`${head(10_000)}ab`);
    await vi.waitFor(() => expect(app.context.queue.places).toBe(5), 10_000);
    for (const answer of await Promise.all(answers)) {
      expect(answer).toMatch(/^HTTP\/1\.1 (408|503)/);
      expect(answer).toContain('request-timeout');
    }
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
    expect((await app.inject(post(EXR))).statusCode).toBe(200);
  });

  it('while they read, which holds no place and ends', async () => {
    const slow = await open();
    slow.pause();
    slow.write(head(LARGE.length));
    slow.write(LARGE);
    await vi.waitFor(() => expect(service.requests.at(-1)?.exr.length).toBe(LARGE.length), 20_000);
    await vi.waitFor(() => expect([service.running, app.context.queue.places]).toEqual([0, 0]), 20_000);
    expect(app.context.answers.bytes).toBeGreaterThan(LARGE.length / 2);
    await vi.waitFor(() => expect(app.context.answers.bytes).toBe(0), 20_000);
    const metrics = (await app.inject('/metrics')).body;
    expect(metrics).toMatch(/route="\/v1\/denoise",outcome="cancelled",reason="cancelled"\} 1\n/);
  });

  it('but keep them where there is no room for their answers', async () => {
    const small = await fakeApp({ ...config, answerBytes: 0, stallSeconds: 60 });
    const smallPort = await listen(small.app);
    const slow = connect(smallPort, '127.0.0.1');
    sockets.add(slow);
    slow.on('error', () => {}).pause();
    slow.write(head(LARGE.length));
    slow.write(LARGE);
    await vi.waitFor(() => expect(small.service.requests).toHaveLength(1), 20_000);
    await vi.waitFor(() => expect(small.service.running).toBe(0), 20_000);
    expect(small.app.context.queue.places).toBe(1);
    slow.destroy();
    await vi.waitFor(() => expect(small.app.context.queue.places).toBe(0), 20_000);
  });
});

describe('connections', () => {
  it('that were refused are destroyed, even if their clients never close them', async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    sockets.add(socket);
    socket.on('error', () => {}).resume();
    const server = new Promise<Socket>((resolve) => app.server.once('connection', resolve));
    socket.write('nonsense\r\n\r\n');
    const accepted = await server;
    await vi.waitFor(() => expect(accepted.destroyed).toBe(true), 15_000);
  }, 20_000);

  it('are bounded on each port', async () => {
    const rpc = await startRpc({ maxConnections: 3 });
    for (const at of [await listen(rpc.app), rpc.port]) {
      const opened = await Promise.all(
        Array.from({ length: 5 }, async () => {
          const socket = connect(at, '127.0.0.1');
          sockets.add(socket);
          socket.on('error', () => {});
          await once(socket, 'connect');
          return socket.resume();
        }),
      );
      await vi.waitFor(() => expect(opened.filter(({ closed }) => closed)).toHaveLength(2), 10_000);
      for (const socket of opened) socket.destroy();
    }
  });

  it('of gRPC without a call end', async () => {
    const rpc = await startRpc({ uploadSeconds: 1 });
    const session = connectHttp2(`http://127.0.0.1:${rpc.port}`);
    session.on('error', () => {});
    await once(session, 'close');
    expect((await rpc.client.listModels({})).models.length).toBeGreaterThan(0);
  }, 20_000);
});

describe('LeastRate', () => {
  it('counts time that the other side is waited for alone, and never saves more than the grace', () => {
    vi.useFakeTimers();
    try {
      const stall = vi.fn();
      const rate = new LeastRate({ bytesPerSecond: 100, graceMs: 1000 }, stall);
      rate.wait();
      vi.advanceTimersByTime(900);
      rate.moved(100_000);
      // Busy with something else.
      vi.advanceTimersByTime(60_000);
      rate.wait();
      vi.advanceTimersByTime(900);
      expect(stall).not.toHaveBeenCalled();
      rate.moved(10);
      rate.wait();
      vi.advanceTimersByTime(250);
      expect(stall).toHaveBeenCalledTimes(1);
    } finally {
      vi.useRealTimers();
    }
  });
});
