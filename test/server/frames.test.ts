import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { makeExr } from '../support/exr-files.js';
import { expectProblem, fakeApp, listen, post } from './support.js';

const { app, service } = await fakeApp();
const PATH = '/v1/frames/{digest}';
const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const frames = [1, 2, 3].map((value) => makeExr({ value: () => value }));
const digests = frames.map(digestOf);
const put = (bytes: Uint8Array, digest = digestOf(bytes)) =>
  app.inject({ ...post(bytes, `/v1/frames/${digest}`), method: 'PUT' });
const head = async (digest = ''): Promise<number> =>
  (await app.inject({ method: 'HEAD', url: `/v1/frames/${digest}` })).statusCode;
const remove = (digest = '') => app.inject({ method: 'DELETE', url: `/v1/frames/${digest}` });
const denoise = (body: unknown, url = '/v1/denoise') =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  });
const figure = async (name: string): Promise<number> =>
  Number(
    new RegExp(`^${name.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(
      (await app.inject('/metrics')).body,
    )?.[1],
  );

beforeEach(async () => {
  service.requests.length = 0;
  for (const digest of digests) await remove(digest);
});

describe('PUT /v1/frames', () => {
  it('keeps a frame, once', async () => {
    expect(await head(digests[0])).toBe(404);
    expect((await put(frames[0] as Uint8Array)).statusCode).toBe(201);
    expect((await put(frames[0] as Uint8Array)).statusCode).toBe(204);
    expect(await head(digests[0])).toBe(200);
    expect(await figure('quietframe_frame_memory_bytes')).toBe(frames[0]?.length);
    expect((await remove(digests[0])).statusCode).toBe(204);
    expectProblem(await remove(digests[0]), 'not-found', PATH);
    expect(await figure('quietframe_frame_memory_bytes')).toBe(0);
  });

  it('keeps nothing of other bytes, of what is no frame, and of nothing', async () => {
    const problem = expectProblem(await put(frames[0] as Uint8Array, digests[1]), 'digest-mismatch', PATH);
    expect(problem).toMatchObject({
      frame: digests[1],
      detail: expect.stringContaining(digests[0] as string),
    });
    expectProblem(await put(Buffer.from('not a picture')), 'malformed-exr', PATH);
    expectProblem(await put(new Uint8Array()), 'empty-body', PATH);
    expectProblem(await put(new Uint8Array(2 ** 20 + 1)), 'too-large', PATH);
    expect(await Promise.all([...digests, digestOf(Buffer.from('not a picture'))].map(head))).toEqual(
      Array(4).fill(404),
    );
    expect(await figure('quietframe_frame_memory_bytes')).toBe(0);
  });

  it.each(['image/png', 'application/json', 'multipart/form-data; boundary=x'])(
    'refuses %s',
    async (type) => {
      const request = post(frames[0] as Uint8Array, `/v1/frames/${digests[0]}`);
      const answer = await app.inject({ ...request, method: 'PUT', headers: { 'content-type': type } });
      expectProblem(answer, 'unsupported-media-type', PATH);
      expect(await head(digests[0])).toBe(404);
    },
  );

  it.each([
    'abc',
    '..%2f..%2fetc%2fpasswd',
    'A'.repeat(64),
    '%00'.repeat(64),
    `${'a'.repeat(64)}.exr`,
    '__proto__',
  ])('refuses the digest %s', async (digest) => {
    expectProblem(await put(frames[0] as Uint8Array, digest), 'invalid-argument', PATH);
    expectProblem(await remove(digest), 'invalid-argument', PATH);
    expect(await head(digest)).toBe(400);
  });

  it('keeps nothing of an upload that breaks off, and frees its place', async () => {
    const port = await listen(app);
    const bytes = frames[0] as Uint8Array;
    const socket = connect(port, '127.0.0.1');
    socket.write(
      `PUT /v1/frames/${digests[0]} HTTP/1.1\r\nHost: x\r\nContent-Type: image/x-exr\r\nContent-Length: ${bytes.length}\r\n\r\n`,
    );
    socket.write(bytes.subarray(0, 200));
    const inFlight = (count: number): Promise<void> =>
      vi.waitFor(async () => expect(await figure('quietframe_requests_in_flight')).toBe(count), 10_000);
    await inFlight(1);
    socket.destroy();
    await inFlight(0);
    expect(await head(digests[0])).toBe(404);
  });
});

describe('POST /v1/denoise of frames by digest', () => {
  it('lists what has to be sent, then denoises the centre', async () => {
    await put(frames[1] as Uint8Array);
    const body = { frames: digests, source: 'mitsuba', lambda: 1, aovs: ['a', 'b'] };
    const problem: Record<string, unknown> = expectProblem(await denoise(body), 'missing-frames');
    expect(problem.missing).toEqual([digests[0], digests[2]]);
    for (const frame of frames) await put(frame);
    const answer = await denoise(body);
    expect(answer.statusCode).toBe(200);
    expect(readExr(answer.rawPayload).parts[0]?.planes.get('R')?.data[0]).toBe(1);
    expect(service.requests[0]).toMatchObject({ source: 'mitsuba', aovs: ['a', 'b'] });
    expect(service.requests[0]?.neighbors?.map(({ offset }) => offset)).toEqual([-1, 1]);
    const { exr = new Uint8Array(), digests: known } = service.requests[0] ?? {};
    expect([known?.size, known?.get(exr)]).toEqual([3, digests[1]]);
    expect(answer.rawPayload.equals((await app.inject(post(frames[1] as Uint8Array))).rawPayload)).toBe(true);
  });

  it('takes a centre, half buffers, and a frame that is named twice', async () => {
    for (const frame of frames) await put(frame);
    const answer = await denoise({
      frames: [digests[0], digests[0], digests[1]],
      halves: digests.slice(0, 2),
      center: 2,
    });
    expect(answer.statusCode).toBe(200);
    expect(service.requests[0]?.halves?.map((half) => digestOf(half))).toEqual(digests.slice(0, 2));
    expect((await denoise({ halves: digests.slice(0, 2) })).statusCode).toBe(200);
  });

  it('takes a map of lambda by digest, which has to be there like the frames', async () => {
    await put(frames[0] as Uint8Array);
    const body = { frames: [digests[0]], lambda: digests[2], components: 'split' };
    const problem: Record<string, unknown> = expectProblem(await denoise(body), 'missing-frames');
    expect(problem.missing).toEqual([digests[2]]);
    await put(frames[2] as Uint8Array);
    expect((await denoise(body)).statusCode).toBe(200);
    const { lambdaMap = new Uint8Array(), lambda, components } = service.requests[0] ?? {};
    expect([digestOf(lambdaMap), lambda, components]).toEqual([digests[2], undefined, 'split']);
  });

  it('takes a guide by digest, which has to be there like the frames', async () => {
    await put(frames[0] as Uint8Array);
    const body = { frames: [digests[0]], guide: digests[1], upscale: 2 };
    const problem: Record<string, unknown> = expectProblem(await denoise(body), 'missing-frames');
    expect(problem.missing).toEqual([digests[1]]);
    await put(frames[1] as Uint8Array);
    expect((await denoise(body)).statusCode).toBe(200);
    expect(service.requests[0]?.finish).toEqual({ upscale: 2 });
    expect(digestOf(service.requests[0]?.guide ?? new Uint8Array())).toBe(digests[1]);
    expectProblem(await denoise({ ...body, guide: 'frame' }), 'invalid-argument');
  });

  it('counts hits and misses', async () => {
    await put(frames[0] as Uint8Array);
    const counts = () =>
      Promise.all(
        ['hit', 'miss'].map((result) => figure(`quietframe_frame_lookups_total{result="${result}"}`)),
      );
    const [hits = 0, misses = 0] = await counts();
    await denoise({ frames: digests });
    expect(await counts()).toEqual([hits + 1, misses + 2]);
  });

  it.each([
    ['no JSON', '{', 'malformed-body'],
    ['no UTF-8', '{"frames":["\ud800"]}', 'invalid-argument'],
    ['a list', [], 'malformed-body'],
    ['null', 'null', 'malformed-body'],
    ['nothing to denoise', {}, 'malformed-body'],
    ['no frames', { frames: [] }, 'malformed-body'],
    ['eight frames', { frames: Array(8).fill(digests[0]) }, 'malformed-body'],
    ['frames that are no list', { frames: digests[0] }, 'malformed-body'],
    ['one half', { halves: [digests[0]] }, 'malformed-body'],
    ['digests that are none', { frames: ['../../etc/passwd'] }, 'invalid-argument'],
    ['numbers for digests', { frames: [7] }, 'invalid-argument'],
    ['an unknown parameter', { frames: [digests[0]], sharpness: 1 }, 'unknown-parameter'],
    [
      'an unknown parameter of JavaScript',
      `{"frames":["${digests[0]}"],"__proto__":"x"}`,
      'unknown-parameter',
    ],
    ['a bad parameter', { frames: [digests[0]], lambda: 'much' }, 'invalid-argument'],
    ['an object for a parameter', { frames: [digests[0]], lambda: {} }, 'invalid-argument'],
    ['nothing', '', 'empty-body'],
    ['too much', { frames: [digests[0]], source: 'x'.repeat(70_000) }, 'too-large'],
  ] as const)('refuses %s', async (_, body, code) => {
    expectProblem(await denoise(body), code);
    expect(service.requests).toHaveLength(0);
  });

  it('refuses a parameter that is given twice, and a centre outside the window', async () => {
    await put(frames[0] as Uint8Array);
    const twice = await denoise({ frames: [digests[0]], source: 'mitsuba' }, '/v1/denoise?source=mitsuba');
    expect(expectProblem(twice, 'invalid-argument').parameter).toBe('source');
    expectProblem(await denoise({ frames: [digests[0]], center: 1 }), 'invalid-argument');
  });
});
