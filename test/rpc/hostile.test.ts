import type { EventEmitter } from 'node:events';
import {
  type ClientHttp2Session,
  connect as connectHttp2,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect } from 'node:net';
import { toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { DenoiseRequestSchema } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { makeExr } from '../support/exr-files.js';
import { chunkMessage, collect, frames, messagesOf, optionsMessage, startRpc } from './support.js';

const exr = makeExr();
const { client, port, app, service } = await startRpc({ uploadSeconds: 20 });
const DENOISE = '/quietframe.v1.DenoiserService/Denoise';
const LIST = '/quietframe.v1.DenoiserService/ListModels';

const sessions = new Set<ClientHttp2Session>();
afterAll(() => {
  for (const session of sessions) session.destroy();
});
afterEach(async () => {
  await vi.waitFor(() => expect([app.context.queue.places, service.running]).toEqual([0, 0]), 10_000);
  const { exr: denoised } = await collect(client.denoise(messagesOf(frames(exr))));
  expect(denoised.length).toBeGreaterThan(0);
});

function open(): ClientHttp2Session {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  sessions.add(session);
  return session;
}

/** Resolves when a stream has closed, whatever went wrong with it before. */
function closeOf(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => stream.once('close', () => resolve()));
}

/** A message in the envelope of gRPC. */
function envelope(message: Uint8Array, flags = 0, length = message.length): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(flags, 0);
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

interface Answer {
  readonly status: number | undefined;
  readonly grpcStatus: string | undefined;
  readonly message: string;
}

/** Sends a body as a call and waits for the end of the answer, or of the stream. */
async function call(
  path: string,
  body: Uint8Array,
  headers: OutgoingHttpHeaders = {},
  session = open(),
): Promise<Answer> {
  const head = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request({ ...head, ...headers }, { endStream: false });
  let status: number | undefined;
  let trailers: Record<string, unknown> = {};
  stream.on('response', (received) => {
    status = received[':status'];
    trailers = { ...trailers, ...received };
  });
  stream.on('trailers', (received) => {
    trailers = { ...trailers, ...received };
  });
  stream.on('error', () => {}).resume();
  const closed = closeOf(stream);
  stream.end(body);
  await closed;
  session.close();
  const grpcStatus = trailers['grpc-status'];
  return {
    status,
    grpcStatus: grpcStatus === undefined ? undefined : String(grpcStatus),
    message: decodeURIComponent(String(trailers['grpc-message'] ?? '')),
  };
}

const options = toBinary(DenoiseRequestSchema, optionsMessage(frames(exr)));
const chunk = toBinary(DenoiseRequestSchema, chunkMessage(exr));
const good = Buffer.concat([envelope(options), envelope(chunk)]);

describe('calls that are wrong', () => {
  it('answers one that is right', async () => {
    expect(await call(DENOISE, good)).toMatchObject({ status: 200, grpcStatus: '0' });
  });

  it.each([
    ['a message that is not of the definition', envelope(Buffer.alloc(64, 0xff)), '3'],
    ['a message that is cut off', envelope(options.subarray(0, options.length - 3)), '3'],
    ['an envelope that is cut off', good.subarray(0, good.length - 9), '3'],
    ['half a head of an envelope', Buffer.from([0, 0]), '3'],
    ['an envelope longer than the limit', envelope(Buffer.alloc(8), 0, 0xffffffff), '8'],
    ['a compressed message', envelope(options, 1), '3'],
    ['an empty body', Buffer.alloc(0), '3'],
    ['an empty message', envelope(Buffer.alloc(0)), '3'],
  ])('answers %s with a status', async (_, body, grpcStatus) => {
    const answer = await call(DENOISE, body);
    expect(answer).toMatchObject({ status: 200, grpcStatus });
    expect(answer.message).not.toMatch(/node_modules|\.[jt]s\b|stack|connect/i);
    expect(answer.message.length).toBeGreaterThan(10);
  });

  it.each([
    ['content type', { 'content-type': 'text/plain' }, { status: 415 }],
    ['method', { ':method': 'GET' }, { status: 405 }],
    ['compression', { 'grpc-encoding': 'gzip' }, { status: 200, grpcStatus: '12' }],
    ['deadline', { 'grpc-timeout': 'soon' }, { status: 200, grpcStatus: '3' }],
  ])('refuses another %s', async (_, headers, answer) => {
    expect(await call(DENOISE, good, headers)).toMatchObject(answer);
  });

  it('does not know other paths', async () => {
    expect((await call('/quietframe.v1.DenoiserService/Other', good)).status).toBe(404);
    expect((await call('/../../etc/passwd', good)).status).toBe(404);
  });

  it.each(['[', 'a b', '%'])('survives the authority %j', async (authority) => {
    await call(LIST, envelope(Buffer.alloc(0)), { ':authority': authority });
  });

  it('limits the message of a unary call', async () => {
    expect(await call(LIST, envelope(Buffer.alloc(2 ** 21)))).toMatchObject({ grpcStatus: '8' });
  });
});

describe('connections that are wrong', () => {
  /** Writes bytes to the port and waits for the end of the connection. */
  async function write(bytes: Uint8Array): Promise<void> {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {}).resume();
    const closed = closeOf(socket);
    socket.end(bytes);
    await closed;
  }

  it('ends one that speaks HTTP/1.1', async () => {
    await write(Buffer.from('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc'));
  });

  it('ends those that send anything', async () => {
    const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, begin) => {
        await write(begin ? Buffer.concat([preface, bytes]) : bytes);
      }),
      { numRuns: 40 },
    );
  });

  it('answers any body with a status', async () => {
    const session = open();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.boolean(), async (bytes, wrap) => {
        const stream = session.request({
          ':method': 'POST',
          ':path': DENOISE,
          'content-type': 'application/grpc',
        });
        let status: unknown;
        stream.on('trailers', (trailers) => {
          status = trailers['grpc-status'];
        });
        stream.on('response', (head) => {
          status ??= head['grpc-status'];
        });
        stream.on('error', () => {}).resume();
        const closed = closeOf(stream);
        stream.end(wrap ? envelope(bytes) : bytes);
        await closed;
        expect(Number(status)).toBeGreaterThan(0);
      }),
      { numRuns: 60 },
    );
    session.close();
  });

  it.each(['the connection', 'the stream'])('frees the place of an upload when %s is reset', async (what) => {
    const session = open();
    const stream = session.request({
      ':method': 'POST',
      ':path': DENOISE,
      'content-type': 'application/grpc',
    });
    stream.on('error', () => {});
    stream.write(good.subarray(0, good.length - 10));
    await vi.waitFor(() => expect(app.context.queue.places).toBe(1), 10_000);
    if (what === 'the connection') session.destroy();
    else stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
  });

  it('frees the place of a client that does not read its answer, once it is gone', async () => {
    const session = connectHttp2(`http://127.0.0.1:${port}`, { settings: { initialWindowSize: 0 } });
    sessions.add(session);
    session.on('error', () => {});
    const stream = session.request({
      ':method': 'POST',
      ':path': DENOISE,
      'content-type': 'application/grpc',
    });
    stream.on('error', () => {}).end(good);
    const { requests } = service;
    const before = requests.length;
    await vi.waitFor(() => expect([requests.length, service.running]).toEqual([before + 1, 0]), 10_000);
    session.destroy();
    await vi.waitFor(() => expect(app.context.queue.places).toBe(0), 10_000);
  });

  it('answers while a client still sends, and ends its call', async () => {
    const session = open();
    const stream = session.request({
      ':method': 'POST',
      ':path': DENOISE,
      'content-type': 'application/grpc',
    });
    let status: unknown;
    stream.on('trailers', (trailers) => {
      status = trailers['grpc-status'];
    });
    stream.on('response', (head) => {
      status ??= head['grpc-status'];
    });
    stream.on('error', () => {}).resume();
    const closed = closeOf(stream);
    stream.write(envelope(chunk));
    await closed;
    expect(status).toBe('3');
  });
});
