import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, it, vi } from 'vitest';
import {
  Health,
  HealthCheckResponse_ServingStatus as Status,
} from '../../src/server/gen/grpc/health/v1/health_pb.js';
import { DenoiserService } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { serve } from '../../src/server/main.js';
import { CONFIG, FakeService } from '../server/support.js';
import { makeExr } from '../support/exr-files.js';
import { collect, expectCode, failure, frames, messagesOf, startRpc } from './support.js';

const exr = makeExr();

it('says whether the service and its parts serve', async () => {
  const { transport, lifecycle } = await startRpc();
  const health = createClient(Health, transport);
  for (const service of ['', 'quietframe.v1.DenoiserService']) {
    expect((await health.check({ service })).status).toBe(Status.SERVING);
  }
  expectCode(await failure(health.check({ service: 'other' })), 'not-found');
  lifecycle.drain();
  expect((await health.check({})).status).toBe(Status.NOT_SERVING);
});

it('tells a watcher of changes, and ends when the service stops', async () => {
  const { transport, lifecycle } = await startRpc();
  const health = createClient(Health, transport);
  const seen: Status[] = [];
  const watching = (async () => {
    for await (const { status } of health.watch({})) seen.push(status);
  })();
  await vi.waitFor(() => expect(seen).toEqual([Status.SERVING]), 10_000);
  lifecycle.drain();
  await watching;
  expect(seen).toEqual([Status.SERVING, Status.NOT_SERVING]);
});

it('does not know the state of what it does not know', async () => {
  const { transport } = await startRpc();
  for await (const { status } of createClient(Health, transport).watch({ service: 'other' })) {
    expect(status).toBe(Status.SERVICE_UNKNOWN);
    break;
  }
});

interface Served {
  readonly service: FakeService;
  readonly origin: string;
  readonly stop: () => void;
  readonly done: Promise<void>;
}

/** The whole service, with both ports. */
async function start(drainSeconds: number): Promise<Served> {
  const service = new FakeService();
  const written: string[] = [];
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written.push(String(text));
    return true;
  });
  const controller = new AbortController();
  const config = { ...CONFIG, host: '127.0.0.1', port: 0, grpcPort: 0, drainSeconds };
  const done = serve(config, service.deps, { signal: controller.signal }).finally(() => service.pool.close());
  await vi.waitFor(() => expect(written.join('')).toContain('grpc'), 10_000);
  write.mockRestore();
  const [, port] = /\nquietframe listening on grpc:\/\/127\.0\.0\.1:(\d+)\n$/.exec(written.join('')) ?? [];
  expect(port).toBeDefined();
  const origin = `http://127.0.0.1:${port}`;
  const health = createClient(Health, createGrpcTransport({ baseUrl: origin }));
  await vi.waitFor(async () => expect((await health.check({})).status).toBe(Status.SERVING), 10_000);
  return { service, origin, stop: () => controller.abort(), done };
}

it('lets running calls finish when the service stops, and takes no new ones', async () => {
  const { service, origin, stop, done } = await start(10);
  let release = (): void => {};
  service.hold = new Promise((resolve) => {
    release = resolve;
  });
  const client = createClient(DenoiserService, createGrpcTransport({ baseUrl: origin }));
  const running = collect(client.denoise(messagesOf(frames(exr))));
  await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
  stop();
  await failure(collect(client.denoise(messagesOf(frames(exr)))));
  release();
  expect((await running).exr.length).toBeGreaterThan(0);
  await done;
});

it('cancels calls that outlast the time to drain', async () => {
  const { service, origin, stop, done } = await start(0);
  service.hold = new Promise(() => {});
  const client = createClient(DenoiserService, createGrpcTransport({ baseUrl: origin }));
  const running = failure(collect(client.denoise(messagesOf(frames(exr)))));
  await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
  stop();
  await running;
  await done;
  await vi.waitFor(() => expect([service.cancelled, service.running]).toEqual([1, 0]), 10_000);
});
