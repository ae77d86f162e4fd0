import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Client, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createGrpcTransport, Http2SessionManager } from '@connectrpc/connect-node';
import { afterAll, expect } from 'vitest';
import { ERROR_TABLE, type ErrorCode } from '../../src/errors.js';
import { buildApp } from '../../src/server/app.js';
import type { AppConfig } from '../../src/server/context.js';
import {
  type DenoiseOptionsSchema,
  type DenoiseRequest,
  DenoiseRequestSchema,
  DenoiserService,
  FileRole,
  ProblemSchema,
  type Report,
} from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { Lifecycle } from '../../src/server/lifecycle.js';
import { GrpcServer } from '../../src/server/rpc/grpc-server.js';
import { CONFIG, FakeService } from '../server/support.js';

export interface RunningRpc {
  readonly service: FakeService;
  readonly app: Awaited<ReturnType<typeof buildApp>>;
  readonly server: GrpcServer;
  readonly lifecycle: Lifecycle;
  readonly port: number;
  readonly transport: Transport;
  readonly client: Client<typeof DenoiserService>;
}

/** A service that is ready, its gRPC interface on a free port, and a client; all closed after the file's tests. */
export async function startRpc(config: Partial<AppConfig> = {}): Promise<RunningRpc> {
  const service = new FakeService();
  const lifecycle = new Lifecycle();
  lifecycle.ready();
  const app = await buildApp(service.deps, { ...CONFIG, ...config }, lifecycle);
  const server = new GrpcServer(app.context, app.log);
  const { port } = await server.listen('127.0.0.1', 0);
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  afterAll(async () => {
    sessionManager.abort();
    server.cancelAll();
    await server.close();
    await app.close();
    await service.pool.close();
  });
  return {
    service,
    app,
    server,
    lifecycle,
    port,
    transport,
    client: createClient(DenoiserService, transport),
  };
}

export type Options = Omit<MessageInitShape<typeof DenoiseOptionsSchema>, '$typeName' | 'files'>;
export type Files = readonly (readonly [role: FileRole, bytes: Uint8Array])[];

export function frames(...files: readonly Uint8Array[]): Files {
  return files.map((bytes) => [FileRole.FRAME, bytes]);
}

/** The messages of a client that keeps to the rules. */
export async function* messagesOf(
  files: Files,
  options: Options = {},
  chunkBytes = 1000,
): AsyncGenerator<DenoiseRequest> {
  yield optionsMessage(files, options);
  for (const [, bytes] of files) {
    for (let start = 0; start < bytes.length; start += chunkBytes) {
      yield chunkMessage(bytes.subarray(start, start + chunkBytes));
    }
  }
}

/** Just these messages. */
export async function* sent<T>(...messages: readonly T[]): AsyncGenerator<T> {
  yield* messages;
}

export function optionsMessage(files: Files, options: Options = {}): DenoiseRequest {
  const described = files.map(([role, { length }]) => ({ role, sizeBytes: BigInt(length) }));
  return create(DenoiseRequestSchema, {
    message: { case: 'options', value: { ...options, files: described } },
  });
}

export function chunkMessage(value: Uint8Array): DenoiseRequest {
  return create(DenoiseRequestSchema, { message: { case: 'chunk', value } });
}

export interface Denoised {
  readonly progress: readonly number[];
  readonly report: Report | undefined;
  readonly exr: Uint8Array;
  readonly largestChunk: number;
}

/** All that the service answers a call with. */
export async function collect(answers: ReturnType<RunningRpc['client']['denoise']>): Promise<Denoised> {
  const progress: number[] = [];
  const chunks: Uint8Array[] = [];
  let report: Report | undefined;
  for await (const { message } of answers) {
    if (message.case === 'progress') {
      expect(report).toBeUndefined();
      progress.push(message.value.fraction);
    } else if (message.case === 'report') {
      expect(report).toBeUndefined();
      report = message.value;
    } else if (message.case === 'chunk') {
      expect(report).toBeDefined();
      chunks.push(message.value);
    }
  }
  const largestChunk = Math.max(0, ...chunks.map(({ length }) => length));
  return { progress, report, exr: Buffer.concat(chunks), largestChunk };
}

/** What a call fails with. */
export async function failure(call: Promise<unknown>): Promise<ConnectError> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConnectError);
  return ConnectError.from(error);
}

/** Checks that an error has the status and the problem of a code, and holds no internals. */
export function expectCode(
  error: ConnectError,
  code: ErrorCode,
): { readonly detail: string; readonly parameter: string } {
  const [problem] = error.findDetails(ProblemSchema);
  expect(problem).toMatchObject({ type: `urn:quietframe:problem:${code}`, title: ERROR_TABLE[code].title });
  expect(error.rawMessage).toBe(problem?.detail);
  expect(error.rawMessage).not.toMatch(/node_modules|\.ts\b|\.js\b|\bat .*\(|stack/);
  return { detail: problem?.detail ?? '', parameter: problem?.parameter ?? '' };
}
