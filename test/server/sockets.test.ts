import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { afterAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import { makeExr } from '../support/exr-files.js';
import { BOUNDARY, expectProblem, fakeApp, form, listen } from './support.js';

const { app, service } = await fakeApp({ uploadSeconds: 2 });
const port = await listen(app);
const origin = `http://127.0.0.1:${port}`;
const exr = makeExr();
const agent = new Agent();
afterAll(() => agent.close());

const EXR = { 'content-type': 'image/x-exr' };
const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

beforeEach(() => {
  service.hold = undefined;
  service.cancelled = 0;
});

async function good(): Promise<void> {
  const answer = await request(`${origin}/v1/denoise`, {
    method: 'POST',
    headers: EXR,
    body: exr,
    dispatcher: agent,
  });
  expect(answer.statusCode).toBe(200);
  expect((await answer.body.arrayBuffer()).byteLength).toBeGreaterThan(300);
}

/** Value of a gauge in the metrics. */
async function gauge(name: string): Promise<number> {
  const text = (await app.inject('/metrics')).body;
  return Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1]);
}

async function eventually(check: () => Promise<void> | void): Promise<void> {
  await vi.waitFor(check, { timeout: 10_000, interval: 20 });
}

async function open(...lines: string[]): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  if (lines.length > 0) socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  return socket;
}

/** All that a connection answers until the other side ends or resets it. */
async function answerOf(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

function expectRawProblem(text: string, code: ErrorCode): void {
  const [head = '', body = ''] = text.split(/\r\n\r\n(?=\{)/);
  const statusCode = Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]);
  const type = /content-type: (\S+)/i.exec(head)?.[1];
  expectProblem({ statusCode, headers: { 'content-type': type }, body }, code);
}

const HEAD = ['POST /v1/denoise HTTP/1.1', 'Host: x', 'Content-Type: image/x-exr'];

describe('refuses what is too large', () => {
  it('by Content-Length, before a byte of the body', async () => {
    const socket = await open(...HEAD, 'Content-Length: 999999999999', 'Connection: close');
    expectRawProblem(await answerOf(socket), 'too-large');
    await good();
  });

  it('by Content-Length beyond all numbers', async () => {
    const socket = await open(...HEAD, `Content-Length: ${'9'.repeat(400)}`, 'Connection: close');
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 4/);
    await good();
  });

  it.each([EXR, FORM])('by the bytes that come in chunks, as %j', async (headers) => {
    async function* endless(): AsyncGenerator<Buffer> {
      const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="frame"; filename="a"\r\n\r\n`;
      if (headers === FORM) yield Buffer.from(head);
      for (let i = 0; i < 20; i++) yield Buffer.alloc(2 ** 16);
    }
    const answer = await request(`${origin}/v1/denoise`, {
      method: 'POST',
      headers,
      body: Readable.from(endless()),
      dispatcher: agent,
    });
    expectProblem(
      { statusCode: answer.statusCode, headers: answer.headers, body: await answer.body.text() },
      'too-large',
    );
    await good();
  });

  it.each(['close', 'keep-alive'])('and lets a client read that who sends all before (%s)', async (kept) => {
    const bytes = 2 ** 24;
    const socket = await open(...HEAD, `Content-Length: ${bytes}`, `Connection: ${kept}`);
    for (let sent = 0; sent < bytes; sent += 2 ** 16) {
      if (!socket.write(Buffer.alloc(2 ** 16))) await once(socket, 'drain');
    }
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expectRawProblem(answer.toString(), 'too-large');
    socket.destroy();
    await good();
  });

  it('and ends the connection of a client that never stops', async () => {
    const socket = await open(...HEAD, 'Transfer-Encoding: chunked');
    const text = answerOf(socket);
    const chunk = Buffer.concat([Buffer.from('10000\r\n'), Buffer.alloc(2 ** 16), Buffer.from('\r\n')]);
    while (!socket.destroyed) {
      socket.write(chunk);
      await sleep(5);
    }
    expectRawProblem(await text, 'too-large');
    await good();
  });

  it('before the body where the client waits for 100 Continue', async () => {
    const refused = await open(
      ...HEAD,
      'Content-Length: 99999999',
      'Expect: 100-continue',
      'Connection: close',
    );
    const answer = await answerOf(refused);
    expect(answer).not.toContain('100 Continue');
    expectRawProblem(answer, 'too-large');
    const socket = await open(
      ...HEAD,
      `Content-Length: ${exr.length}`,
      'Expect: 100-continue',
      'Connection: close',
    );
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
    socket.write(exr);
    expect(await answerOf(socket)).toMatch(/^HTTP\/1\.1 200/);
  });
});

describe('bytes that are no request', () => {
  it.each<[string, string, ErrorCode]>([
    ['text', 'hello there\r\n\r\n', 'malformed-request'],
    ['a TLS hello', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'malformed-request'],
    ['long headers', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, 'malformed-request'],
    [
      'two lengths',
      `${HEAD.join('\r\n')}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n`,
      'malformed-request',
    ],
    [
      'length and chunks',
      `${HEAD.join('\r\n')}\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`,
      'malformed-request',
    ],
    ['a negative length', `${HEAD.join('\r\n')}\r\nContent-Length: -5\r\n\r\n`, 'malformed-request'],
  ])('%s', async (_name, bytes, code) => {
    const socket = await open();
    const text = answerOf(socket);
    socket.write(Buffer.from(bytes, 'latin1'));
    expectRawProblem(await text, code);
    await good();
  });

  it('chunks with a broken size', async () => {
    const socket = await open(...HEAD, 'Transfer-Encoding: chunked');
    const text = answerOf(socket);
    socket.write('5\r\nhello\r\nzz\r\n');
    expect(await text).toMatch(/^HTTP\/1\.1 400|^$/);
    await eventually(async () => expect(await gauge('quietframe_requests_in_flight')).toBe(0));
    await good();
  });

  it('an upload that stalls', async () => {
    const socket = await open(...HEAD, 'Content-Length: 5000');
    socket.write('half');
    expectRawProblem(await answerOf(socket), 'request-timeout');
    await eventually(async () => expect(await gauge('quietframe_requests_in_flight')).toBe(0));
  }, 60_000);
});

describe('a client that goes away', () => {
  it.each([
    ['a file', EXR, Buffer.from(exr)],
    [
      'a form',
      FORM,
      form([
        ['frame', exr],
        ['frame', exr],
      ]),
    ],
  ])('while it uploads %s, at any byte', async (_name, headers, body) => {
    const head = ['POST /v1/denoise HTTP/1.1', 'Host: x', `Content-Type: ${headers['content-type']}`];
    for (const share of [0, 0.01, 0.2, 0.5, 0.9, 0.999]) {
      const socket = await open(...head, `Content-Length: ${body.length}`);
      socket.write(body.subarray(0, share * body.length));
      await eventually(async () => expect(await gauge('quietframe_requests_in_flight')).toBe(1));
      socket.destroy();
      await eventually(async () => expect(await gauge('quietframe_requests_in_flight')).toBe(0));
    }
    await good();
  });

  it('while its frame is denoised, which frees the worker', async () => {
    service.hold = new Promise(() => {});
    const socket = await open(...HEAD, `Content-Length: ${exr.length}`);
    socket.write(exr);
    await eventually(() => expect(service.running).toBe(1));
    socket.destroy();
    await eventually(() => expect(service.running).toBe(0));
    expect(service.cancelled).toBe(1);
    service.hold = undefined;
    await eventually(async () => expect(await gauge('quietframe_requests_running')).toBe(0));
    await good();
    expect((await app.inject('/metrics')).body).toMatch(
      /quietframe_request_seconds_count\{route="\/v1\/denoise",outcome="cancelled",reason="cancelled"\} [1-9]/,
    );
  });

  it('while it waits for its turn', async () => {
    let release = (): void => {};
    service.hold = new Promise((resolve) => {
      release = resolve;
    });
    const first = good();
    await eventually(() => expect(service.running).toBe(1));
    const waiting = await open(...HEAD, `Content-Length: ${exr.length}`);
    waiting.write(exr);
    await eventually(async () => expect(await gauge('quietframe_queue_depth')).toBe(1));
    waiting.destroy();
    await eventually(async () => expect(await gauge('quietframe_queue_depth')).toBe(0));
    release();
    await first;
    expect(service.cancelled).toBe(0);
  });
});

describe('more requests than places', () => {
  it('are answered 503 with Retry-After before their body, while health and metrics still answer', async () => {
    let release = (): void => {};
    service.hold = new Promise((resolve) => {
      release = resolve;
    });
    const held = Array.from({ length: 5 }, () => good());
    await eventually(async () => expect(await gauge('quietframe_requests_in_flight')).toBe(5));
    const socket = await open(...HEAD, 'Content-Length: 1000', 'Connection: close');
    const text = await answerOf(socket);
    expect(text).toMatch(/retry-after: [1-9]\d*\r\n/i);
    expectRawProblem(text, 'overloaded');
    expect((await request(`${origin}/healthz/live`, { dispatcher: agent })).statusCode).toBe(200);
    expect(service.running).toBe(1);
    release();
    await Promise.all(held);
    await good();
  });
});

it('keeps a connection alive over refusals', async () => {
  const single = new Agent({ connections: 1, pipelining: 1 });
  for (const [body, status] of [
    [Buffer.from('junk'), 422],
    [exr, 200],
    [Buffer.alloc(0), 400],
    [exr, 200],
  ] as const) {
    const answer = await request(`${origin}/v1/denoise`, {
      method: 'POST',
      headers: EXR,
      body,
      dispatcher: single,
    });
    expect(answer.statusCode).toBe(status);
    await answer.body.dump();
  }
  await single.close();
});

it('leaves nothing behind on a connection with many early answers', async () => {
  const sockets: Socket[] = [];
  app.server.on('connection', (socket: Socket) => sockets.push(socket));
  const single = new Agent({ connections: 1, pipelining: 1 });
  const listeners: number[] = [];
  for (let round = 0; round < 20; round++) {
    const options = { method: 'POST', headers: EXR, body: makeExr({ width: 300, height: 100 }) } as const;
    const answer = await request(`${origin}/nothing`, { ...options, dispatcher: single });
    expect(answer.statusCode).toBe(404);
    await answer.body.dump();
    listeners.push(sockets.at(-1)?.listenerCount('close') ?? 0);
  }
  expect(new Set(listeners).size).toBe(1);
  await single.close();
});

it('takes frames far larger than a chunk of the socket', async () => {
  const large = makeExr({ width: 300, height: 200, value: (index) => Math.sin(index * index) });
  const answer = await request(`${origin}/v1/denoise`, {
    method: 'POST',
    headers: FORM,
    body: form([['frame', large]]),
    dispatcher: agent,
  });
  expect(answer.statusCode).toBe(200);
  await answer.body.dump();
});
