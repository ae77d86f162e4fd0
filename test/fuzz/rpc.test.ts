import { type ClientHttp2Session, connect } from 'node:http2';
import { create, type DescMessage, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { afterAll, expect, it } from 'vitest';
import { Health, HealthCheckRequestSchema } from '../../src/server/gen/grpc/health/v1/health_pb.js';
import {
  DenoiseRequestSchema,
  DenoiserService,
  DenoiseSequenceRequestSchema,
  FileRole,
  ListModelsRequestSchema,
  PredictSampleMapRequestSchema,
} from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { collect, frames, messagesOf, startRpc } from '../rpc/support.js';
import { makeExr } from '../support/exr-files.js';
import { mutate, numbers } from './mutate.js';

const CASES = 240;
const exr = makeExr();
const { app, client, lifecycle, port, service } = await startRpc();
const sessions = new Set<ClientHttp2Session>();
afterAll(() => {
  for (const session of sessions) session.destroy();
});

function messages<Schema extends DescMessage>(
  schema: Schema,
  ...values: readonly MessageInitShape<Schema>[]
): Uint8Array[] {
  return values.map((value) => toBinary(schema, create(schema, value)));
}

const files = [{ role: FileRole.FRAME, sizeBytes: BigInt(exr.length) }];
const options = { files, lambda: 1, model: 'kpcn', aovs: ['all'], parameters: { outputs: 'color' } };
const chunk = { message: { case: 'chunk' as const, value: exr } };

/** A call of every method that goes well: its path, its messages, and the time that it may take. */
const CALLS: readonly (readonly [path: string, messages: readonly Uint8Array[], timeout: string])[] = [
  [
    `${DenoiserService.typeName}/Denoise`,
    messages(DenoiseRequestSchema, { message: { case: 'options', value: options } }, chunk),
    '20S',
  ],
  [
    `${DenoiserService.typeName}/PredictSampleMap`,
    messages(
      PredictSampleMapRequestSchema,
      { message: { case: 'options', value: { files, parameters: { budget: '4' } } } },
      chunk,
    ),
    '20S',
  ],
  [
    `${DenoiserService.typeName}/DenoiseSequence`,
    messages(
      DenoiseSequenceRequestSchema,
      { message: { case: 'options', value: { window: 3, options: { alpha: 'copy' } } } },
      { message: { case: 'frame', value: { sizeBytes: BigInt(exr.length) } } },
      chunk,
    ),
    '20S',
  ],
  [`${DenoiserService.typeName}/ListModels`, messages(ListModelsRequestSchema, {}), '20S'],
  [`${Health.typeName}/Check`, messages(HealthCheckRequestSchema, { service: 'abc' }), '20S'],
  // It would never end by itself.
  [`${Health.typeName}/Watch`, messages(HealthCheckRequestSchema, { service: 'abc' }), '50m'],
];

/** What a client may be told: neither UNKNOWN nor INTERNAL. */
const STATUSES = [0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 16];

function envelope(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function open(): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => {});
  sessions.add(session);
  return session;
}

/** The status that a call ends with. */
async function call(session: ClientHttp2Session, path: string, body: Buffer, timeout: string) {
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${path}`,
    'content-type': 'application/grpc',
    te: 'trailers',
    'grpc-timeout': timeout,
  });
  let told: Record<string, unknown> = {};
  const tell = (headers: Record<string, unknown>): void => {
    told = { ...told, ...headers };
  };
  stream
    .on('response', tell)
    .on('trailers', tell)
    .on('error', () => {})
    .resume();
  const closed = new Promise<void>((resolve) => stream.once('close', () => resolve()));
  stream.end(body);
  await closed;
  return {
    status: Number(told['grpc-status']),
    message: decodeURIComponent(String(told['grpc-message'] ?? '')),
  };
}

it('answers damaged messages and streams of every call with a status of the error table', async () => {
  lifecycle.ready();
  const below = numbers(31415);
  const session = open();
  const seen = new Map<string, Set<number>>();
  for (let index = 0; index < CASES; index++) {
    const [path, good, timeout] = CALLS[index % CALLS.length] as (typeof CALLS)[number];
    const damaged = good.map((message) => (below(2) === 0 ? mutate(message, below) : message));
    if (below(4) === 0)
      damaged.splice(below(damaged.length + 1), below(2), damaged[below(damaged.length)] ?? exr);
    const whole = Buffer.concat(damaged.map(envelope));
    const body = below(3) === 0 ? mutate(whole, below) : whole;
    const { status, message } = await call(session, path, body, timeout);
    const label = `case ${index}: ${path} ${body.toString('base64').slice(0, 400)}`;
    // Text that is no UTF-8 in a call of one message is refused by the library, before anything here sees it.
    if (!message.startsWith('parse binary: ')) expect(STATUSES, label).toContain(status);
    expect(message, label).not.toMatch(/node_modules|\.[jt]s\b|stack|protobuf/i);
    seen.set(path, new Set([...(seen.get(path) ?? []), status]));
  }
  session.close();
  // Some of each went well enough to be worked on, and some did not.
  for (const [path] of CALLS.slice(0, 3)) {
    expect([...(seen.get(path) ?? [])]).toEqual(expect.arrayContaining([0, 3]));
  }
  expect([app.context.queue.places, service.running]).toEqual([0, 0]);
  const { exr: denoised } = await collect(client.denoise(messagesOf(frames(exr))));
  expect(denoised.length).toBeGreaterThan(0);
}, 60_000);
