import { Code } from '@connectrpc/connect';
import { describe, expect, it, vi } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import { raster } from '../../src/image/raster.js';
import { FileRole } from '../../src/server/gen/quietframe/v1/denoiser_pb.js';
import { MAX_CHUNK_BYTES } from '../../src/server/rpc/receive-files.js';
import { CONFIG, post } from '../server/support.js';
import { makeExr, withDataWindow } from '../support/exr-files.js';
import {
  chunkMessage,
  collect,
  expectCode,
  failure,
  frames,
  messagesOf,
  optionsMessage,
  sent,
  startRpc,
} from './support.js';

const exr = makeExr();
const rpc = await startRpc({ concurrency: 1, queueLength: 1 });
const { service, client, app } = rpc;
const { queue } = app.context;

async function idle(): Promise<void> {
  await vi.waitFor(() => expect([queue.places, service.running]).toEqual([0, 0]), 10_000);
}

describe('Denoise', () => {
  it('answers with the bytes that HTTP answers with, and the same report', async () => {
    const { report, exr: denoised } = await collect(client.denoise(messagesOf(frames(exr))));
    const head = { 'content-type': 'image/x-exr' };
    const post = { method: 'POST', url: '/v1/denoise', headers: head, payload: Buffer.from(exr) } as const;
    const http = await app.inject(post);
    expect(Buffer.compare(denoised, http.rawPayload)).toBe(0);
    expect(denoised).not.toEqual(exr);
    expect(report).toMatchObject({
      resultSizeBytes: BigInt(denoised.length),
      model: 'kpcn',
      version: 2,
      device: 'cpu',
      warnings: [{ code: 'missing-albedo', message: 'There is no albedo' }],
      frames: 1,
      center: 0,
    });
    expect(Object.keys(report?.stageSeconds ?? {})).toEqual(
      expect.arrayContaining(['receive', 'queue', 'decode', 'denoise']),
    );
    const json = await app.inject({ ...post, headers: { ...head, accept: 'application/json' } });
    expect({ ...report?.details, stages: 0 }).toEqual({ ...json.json(), stages: 0 });
    await idle();
  });

  it('hands files and options on as HTTP does', async () => {
    const window = [1, 2, 3].map((value) => makeExr({ value: () => value }));
    const options = { source: 'cycles', model: 'kpcn@1', alpha: 'denoise', lambda: 1, center: 2 };
    await collect(client.denoise(messagesOf(frames(...window), options)));
    expect(service.requests.at(-1)).toMatchObject({
      source: 'cycles',
      model: 'kpcn@1',
      alpha: 'denoise',
      lambda: 1,
    });
    expect(Buffer.from(service.requests.at(-1)?.exr ?? []).equals(window[2] as Uint8Array)).toBe(true);

    const halves = [
      [FileRole.HALF_A, window[0] as Uint8Array],
      [FileRole.HALF_B, window[1] as Uint8Array],
    ] as const;
    await collect(client.denoise(messagesOf(halves)));
    const received = service.requests.at(-1)?.halves ?? [];
    expect(received.map((half) => Buffer.from(half))).toEqual(
      window.slice(0, 2).map((half) => Buffer.from(half)),
    );
  });

  it.each<Record<string, string>>([
    { outputs: 'color,error,samples', budget: '8' },
    { upscale: '2', strength: '0.5' },
    { deblur: 'auto' },
    { components: 'split' },
    { wrap: 'x' },
    { layer: 'albedo=Base,normal=none', region: '1,2,3,4' },
  ])('takes the parameters of the query: %j', async (parameters) => {
    const comparable = () => {
      const { exr: _, signal: __, onProgress: ___, ...asked } = service.requests.at(-1) ?? { exr };
      return asked;
    };
    expect((await app.inject(post(exr, `/v1/denoise?${new URLSearchParams(parameters)}`))).statusCode).toBe(
      200,
    );
    const wanted = comparable();
    await collect(client.denoise(messagesOf(frames(exr), { parameters })));
    expect(comparable()).toEqual(wanted);
    expect(Object.keys(wanted).length).toBeGreaterThan(2);
  });

  it('takes a map of lambda', async () => {
    const map = makeExr({ channels: ['Y'], value: () => 2 });
    const files = [...frames(exr), [FileRole.LAMBDA_MAP, map]] as const;
    await collect(client.denoise(messagesOf(files)));
    const { lambda, lambdaMap } = service.requests.at(-1) ?? {};
    expect(lambda).toBeUndefined();
    expect(Buffer.from(lambdaMap ?? []).equals(map)).toBe(true);
    const twice = [...files, [FileRole.LAMBDA_MAP, map]] as const;
    expectCode(await failure(collect(client.denoise(messagesOf(twice)))), 'malformed-body');
    const alone = [[FileRole.LAMBDA_MAP, map]] as const;
    expectCode(await failure(collect(client.denoise(messagesOf(alone)))), 'malformed-body');
  });

  it('takes a guide for the magnification', async () => {
    const guide = makeExr({ value: () => 0.5 });
    const files = [...frames(exr), [FileRole.GUIDE, guide]] as const;
    await collect(client.denoise(messagesOf(files, { parameters: { upscale: '2' } })));
    const request = service.requests.at(-1);
    expect(request?.finish).toEqual({ upscale: 2 });
    expect(Buffer.from(request?.guide ?? []).equals(guide)).toBe(true);
  });

  it('takes layers in files of their own', async () => {
    const albedo = makeExr({ value: () => 0.5 });
    const files = [...frames(exr), [FileRole.ALBEDO, albedo], [FileRole.NORMAL, albedo]] as const;
    await collect(client.denoise(messagesOf(files)));
    const { parts } = readHeader(service.requests.at(-1)?.exr ?? exr);
    expect(resolveLayers(parts).files).toEqual(['albedo', 'normal']);
    const twice = [...files, [FileRole.ALBEDO, albedo]] as const;
    expectCode(await failure(collect(client.denoise(messagesOf(twice)))), 'malformed-body');
  });

  it('sends large files in chunks of at most 1 MiB both ways', async () => {
    const large = await startRpc({ maxUploadBytes: 2 ** 24 });
    const file = makeExr({
      width: 1200,
      height: 900,
      channels: ['B', 'G', 'R'],
      value: Math.random,
    });
    expect(file.length).toBeGreaterThan(2 * MAX_CHUNK_BYTES);
    const answer = await collect(large.client.denoise(messagesOf(frames(file), {}, MAX_CHUNK_BYTES)));
    expect(answer.largestChunk).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
    expect(Number(answer.report?.resultSizeBytes)).toBe(answer.exr.length);
    expect(answer.exr.length).toBeGreaterThan(2 * MAX_CHUNK_BYTES);
  });

  it('tells progress that never falls', async () => {
    const denoiseFake = service.deps.denoiseExr;
    const denoise = vi
      .spyOn(service.deps, 'denoiseExr')
      .mockImplementation(async ({ exr: bytes, onProgress }) => {
        for (let step = 1; step <= 4; step++) {
          onProgress?.(step / 4);
          await new Promise(setImmediate);
        }
        const { report } = await denoiseFake({ exr: bytes });
        return { exr: bytes, color: raster(1, 1, 3), report };
      });
    const { progress } = await collect(client.denoise(messagesOf(frames(exr))));
    denoise.mockRestore();
    expect(progress.at(-1)).toBe(1);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });
});

describe('refuses with the code of the error table', () => {
  const bad = withDataWindow(exr, { xMin: 0, yMin: 0, xMax: 999_999_999, yMax: 999_999_999 });
  it.each([
    ['a slope that there is not', { lambda: 11 }, frames(exr), 'invalid-argument', Code.InvalidArgument],
    [
      'a slope that is no number',
      { lambda: Number.NaN },
      frames(exr),
      'invalid-argument',
      Code.InvalidArgument,
    ],
    ['an unknown model', { model: 'other' }, frames(exr), 'unknown-model', Code.NotFound],
    ['an unknown source', { source: 'other' }, frames(exr), 'invalid-argument', Code.InvalidArgument],
    ['a centre outside the window', { center: 1 }, frames(exr), 'invalid-argument', Code.InvalidArgument],
    ['no files', {}, frames(), 'empty-body', Code.InvalidArgument],
    ['an empty file', {}, frames(exr, new Uint8Array()), 'empty-body', Code.InvalidArgument],
    [
      'eight frames',
      {},
      frames(exr, exr, exr, exr, exr, exr, exr, exr),
      'malformed-body',
      Code.InvalidArgument,
    ],
    ['a half buffer alone', {}, [[FileRole.HALF_A, exr]], 'malformed-body', Code.InvalidArgument],
    ['an unknown role', {}, [[99 as FileRole, exr]], 'invalid-argument', Code.InvalidArgument],
    ['what is no OpenEXR file', {}, frames(new Uint8Array(500)), 'malformed-exr', Code.InvalidArgument],
    ['an absurd size', {}, frames(bad), 'too-large', Code.ResourceExhausted],
    [
      'frames of several sizes',
      {},
      frames(exr, makeExr({ width: 8 })),
      'mismatched-frames',
      Code.InvalidArgument,
    ],
    [
      'a file without colour',
      {},
      frames(makeExr({ channels: ['Z'] })),
      'missing-layer',
      Code.FailedPrecondition,
    ],
  ] as const)('%s', async (_, options, files, code, status) => {
    const error = await failure(collect(client.denoise(messagesOf(files, options))));
    expect(error.code).toBe(status);
    expectCode(error, code);
    await idle();
  });

  it('more bytes than the limit, before they are sent', async () => {
    const huge = new Uint8Array(CONFIG.maxUploadBytes + 1);
    const error = await failure(collect(client.denoise(sent(optionsMessage(frames(huge))))));
    expect(error.code).toBe(Code.ResourceExhausted);
    expectCode(error, 'too-large');
  });

  it.each([
    ['no message', [], 'malformed-body'],
    ['a chunk before the options', [chunkMessage(exr)], 'malformed-body'],
    ['options twice', [optionsMessage(frames(exr)), optionsMessage(frames(exr))], 'malformed-body'],
    ['an empty chunk', [optionsMessage(frames(exr)), chunkMessage(new Uint8Array())], 'malformed-body'],
    ['too few bytes', [optionsMessage(frames(exr)), chunkMessage(exr.subarray(1))], 'malformed-body'],
    ['too many bytes', [optionsMessage(frames(exr)), chunkMessage(exr), chunkMessage(exr)], 'malformed-body'],
    ['a chunk above 1 MiB', [chunkMessage(new Uint8Array(MAX_CHUNK_BYTES + 1))], 'malformed-body'],
    ['a message above the limit', [chunkMessage(new Uint8Array(2 * MAX_CHUNK_BYTES))], 'too-large'],
  ] as const)('%s', async (_, messages, code) => {
    expectCode(await failure(collect(client.denoise(sent(...messages)))), code);
    await idle();
  });

  it('what fails within, without saying how', async () => {
    const denoise = vi.spyOn(service.deps, 'denoiseExr').mockRejectedValue(new Error('secret at /var/lib'));
    const error = await failure(collect(client.denoise(messagesOf(frames(exr)))));
    denoise.mockRestore();
    expect(error.code).toBe(Code.Internal);
    expectCode(error, 'internal');
    expect(JSON.stringify(error)).not.toContain('secret');
  });
});

describe('a call that ends early', () => {
  /** Options and a file, after which the client does not close its side. */
  async function* stalling(release: Promise<void>): ReturnType<typeof messagesOf> {
    yield optionsMessage(frames(exr));
    yield chunkMessage(exr.subarray(0, 10));
    await release;
  }

  it.each(['cancelled', 'past its deadline'])('frees its worker when it is %s', async (how) => {
    const before = service.cancelled;
    service.hold = new Promise(() => {});
    const controller = new AbortController();
    const options = how === 'cancelled' ? { signal: controller.signal } : { timeoutMs: 300 };
    const call = failure(collect(client.denoise(messagesOf(frames(exr)), options)));
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    controller.abort();
    expect((await call).code).toBe(how === 'cancelled' ? Code.Canceled : Code.DeadlineExceeded);
    service.hold = undefined;
    await idle();
    expect(service.cancelled).toBe(before + 1);
  });

  it('frees its place when it is cancelled while it uploads', async () => {
    const controller = new AbortController();
    const never = new Promise<void>(() => {});
    const call = failure(collect(client.denoise(stalling(never), { signal: controller.signal })));
    await vi.waitFor(() => expect(queue.places).toBe(1), 10_000);
    controller.abort();
    expect((await call).code).toBe(Code.Canceled);
    await idle();
  });

  it('is told when its files do not arrive in time', async () => {
    const impatient = await startRpc({ uploadSeconds: 0.2 });
    const never = new Promise<void>(() => {});
    const error = await failure(collect(impatient.client.denoise(stalling(never))));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expectCode(error, 'request-timeout');
    expect(impatient.app.context.queue.places).toBe(0);
  });
});

it('shares the queue with HTTP, and says when to come back', async () => {
  let release = (): void => {};
  service.hold = new Promise((resolve) => {
    release = resolve;
  });
  const headers = { 'content-type': 'image/x-exr' };
  const http = app.inject({ method: 'POST', url: '/v1/denoise', headers, payload: Buffer.from(exr) });
  const running = collect(client.denoise(messagesOf(frames(exr))));
  await vi.waitFor(() => expect([queue.running, queue.depth]).toEqual([1, 1]), 10_000);
  const error = await failure(collect(client.denoise(messagesOf(frames(exr)))));
  expect(error.code).toBe(Code.Unavailable);
  expectCode(error, 'overloaded');
  expect(error.metadata.get('retry-after')).toMatch(/^[1-9]\d*$/);
  release();
  service.hold = undefined;
  expect((await running).exr.length).toBeGreaterThan(0);
  expect((await http).statusCode).toBe(200);
  await idle();
});

it('counts calls by route, outcome and reason', async () => {
  const text = await app.context.metrics.registry.metrics();
  const route = 'route="/quietframe.v1.DenoiserService/Denoise"';
  expect(text).toMatch(new RegExp(`_count\\{${route},outcome="ok",reason="none"\\} [1-9]`));
  expect(text).toMatch(new RegExp(`_count\\{${route},outcome="refused",reason="too-large"\\} [1-9]`));
  expect(text).toMatch(new RegExp(`_count\\{${route},outcome="cancelled",reason="cancelled"\\} [1-9]`));
});

it('lists the models', async () => {
  const { models } = await client.listModels({});
  expect(models).toMatchObject(
    service.deps.denoiser.models.map(({ name, version, license, sources }) => ({
      name,
      version,
      license,
      sources,
    })),
  );
});
