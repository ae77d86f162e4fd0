import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, expect, it, vi } from 'vitest';
import { buildApp } from '../../../src/server/app.js';
import { layOut } from '../../../src/server/observability/tracing.js';
import { makeExr } from '../../support/exr-files.js';
import { CONFIG, FakeService, post } from '../support.js';

interface Span {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { code?: number };
  readonly attributes: { key: string; value: { stringValue?: string } }[];
}

const spans: Span[] = [];
const collector = createServer(async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString());
  spans.push(...resourceSpans[0].scopeSpans[0].spans);
  response.setHeader('content-type', 'application/json').end('{}');
});
collector.listen(0, '127.0.0.1');
await once(collector, 'listening');
afterAll(() => collector.close());
const otlpEndpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;

const TRACE = '0af7651916cd43dd8448eb211c80319c';
const PARENT = 'b7ad6b7169203331';

it('sends a span for a request and one for each stage, in the trace of its client', async () => {
  const service = new FakeService();
  const app = await buildApp(service.deps, { ...CONFIG, otlpEndpoint });
  const headers = { 'content-type': 'image/x-exr', traceparent: `00-${TRACE}-${PARENT}-01` };
  await app.inject({ ...post(makeExr()), headers });
  await app.inject({ ...post(Buffer.from('junk')), headers: { ...headers, traceparent: 'nonsense' } });
  const { id } = (await app.inject({ ...post(makeExr(), '/v1/jobs'), headers })).json();
  await vi.waitFor(async () => {
    expect((await app.inject(`/v1/jobs/${id}`)).json().state).toBe('done');
  }, 10_000);
  await app.inject('/healthz/live');
  await app.close();
  await service.pool.close();

  const roots = spans.filter(({ name }) => name === 'POST /v1/denoise');
  const [good, bad] = roots;
  expect(good).toMatchObject({ traceId: TRACE, parentSpanId: PARENT });
  const children = spans.filter(({ parentSpanId }) => parentSpanId === good?.spanId);
  expect(children.map(({ name }) => name)).toEqual(['receive', 'queue', 'decode', 'denoise']);
  for (const { traceId, startTimeUnixNano, endTimeUnixNano } of children) {
    expect(traceId).toBe(TRACE);
    expect(BigInt(startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(good?.startTimeUnixNano ?? 0));
    expect(BigInt(endTimeUnixNano)).toBeLessThanOrEqual(BigInt(good?.endTimeUnixNano ?? 0));
  }
  expect(bad?.traceId).not.toBe(TRACE);
  expect(bad?.attributes.find(({ key }) => key === 'error.type')?.value.stringValue).toBe('malformed-exr');
  expect(spans.find(({ name }) => name === 'job frame')).toMatchObject({ traceId: TRACE });
  expect(spans.some(({ name }) => name.includes('healthz'))).toBe(false);
});

it('does not mind a collector that is gone', async () => {
  const service = new FakeService();
  const app = await buildApp(service.deps, { ...CONFIG, otlpEndpoint: 'http://127.0.0.1:1' });
  expect((await app.inject(post(makeExr()))).statusCode).toBe(200);
  await app.close();
  await service.pool.close();
});

it('lays stages out one after the other, those of several workers in the time that is left', () => {
  const stages = new Map([
    ['decode', 1],
    ['features', 4],
    ['network', 12],
    ['encode', 1],
  ]);
  const laid = layOut(stages, 10);
  expect(laid.map(({ stage, from, to }) => [stage, from, to])).toEqual([
    ['decode', 0, 1],
    ['features', 1, 3],
    ['network', 3, 9],
    ['encode', 9, 10],
  ]);
  expect(laid.map(({ worked }) => worked)).toEqual([1, 4, 12, 1]);
  expect(layOut(new Map([['decode', 5]]), 2)).toMatchObject([{ from: 0, to: 2 }]);
  expect(layOut(new Map(), 2)).toEqual([]);
});
