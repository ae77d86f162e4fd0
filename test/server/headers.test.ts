import { createHash } from 'node:crypto';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { ExrPool } from '../../src/exr/pool.js';
import { makeExr } from '../support/exr-files.js';
import { expectProblem, fakeApp, post } from './support.js';

// On this thread a header cannot be read at all: whoever tries fails.
vi.mock('../../src/exr/header.js', async (original) => {
  const header = await original<typeof import('../../src/exr/header.js')>();
  const refuse = (): never => {
    throw new Error('A header was read on the thread that answers');
  };
  return { ...header, readHeader: vi.fn(refuse) };
});
const { readHeader } = await import('../../src/exr/header.js');

const { app, service } = await fakeApp({ frameCacheBytes: 2 ** 20 });
const exr = makeExr();
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const JSON_TYPE = { 'content-type': 'application/json' };

async function keep(bytes: Uint8Array): Promise<string> {
  const digest = sha(bytes);
  const { statusCode } = await app.inject({ ...post(bytes, `/v1/frames/${digest}`), method: 'PUT' });
  expect([201, 204]).toContain(statusCode);
  return digest;
}

describe('headers', () => {
  it('are read in a worker, never on the thread that answers', async () => {
    expect((await app.inject(post(exr))).statusCode).toBe(200);
    const digest = await keep(exr);
    const payload = JSON.stringify({ frames: [digest, digest] });
    const answer = await app.inject({ method: 'POST', url: '/v1/denoise', headers: JSON_TYPE, payload });
    expect(answer.statusCode).toBe(200);
    expect(readHeader).not.toHaveBeenCalled();
  });

  it('of results are not read for pictures either', async () => {
    const header = vi.spyOn(service.pool, 'header');
    await app.inject(post(exr));
    // The stand-in for the denoiser reads headers here, instead of in its thread.
    const own = header.mock.calls.length;
    header.mockClear();
    const picture = await app.inject(post(exr, '/v1/denoise?format=png'));
    expect(picture.headers['content-type']).toBe('image/png');
    expect(header).toHaveBeenCalledTimes(own);
    expect(service.requests.at(-1)).toMatchObject({ withAlpha: true });
    header.mockRestore();
  });

  it('are read once for each digest, however often it is named', async () => {
    const inspect = vi.spyOn(service.pool, 'inspect');
    const digest = await keep(makeExr({ value: () => 3 }));
    const windows = Array.from({ length: 8 }, () => ({ frames: Array(7).fill(digest) }));
    const payload = JSON.stringify({ windows });
    const { id } = (
      await app.inject({ method: 'POST', url: '/v1/jobs', headers: JSON_TYPE, payload })
    ).json();
    await vi.waitFor(
      async () => expect((await app.inject(`/v1/jobs/${id}`)).json().state).toBe('done'),
      20_000,
    );
    expect(inspect).toHaveBeenCalledTimes(1);
    inspect.mockRestore();
  });

  it('refuse damage to the chunk table before the turn of a request', async () => {
    const damaged = Buffer.from(makeExr());
    const before = service.requests.length;
    const cut = damaged.subarray(0, damaged.length - 40);
    expectProblem(await app.inject(post(cut)), 'malformed-exr');
    const digest = sha(cut);
    const put = await app.inject({ ...post(cut, `/v1/frames/${digest}`), method: 'PUT' });
    expectProblem(put, 'malformed-exr', '/v1/frames/{digest}');
    expect(service.requests).toHaveLength(before);
  });
});

describe('files by digest', () => {
  it('are not in memory before the turn of their request', async () => {
    const digest = await keep(makeExr({ value: () => 7 }));
    let release = (): void => {};
    service.hold = new Promise((resolve) => {
      release = resolve;
    });
    const first = app.inject(post(exr));
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    const get = vi.spyOn(app.context.frames, 'get');
    const payload = JSON.stringify({ frames: [digest] });
    const waiting = app.inject({ method: 'POST', url: '/v1/denoise', headers: JSON_TYPE, payload });
    const job = app.inject({ method: 'POST', url: '/v1/jobs', headers: JSON_TYPE, payload });
    expect((await job).statusCode).toBe(202);
    await vi.waitFor(() => expect(app.context.queue.depth).toBe(2), 10_000);
    expect(get).not.toHaveBeenCalled();
    release();
    service.hold = undefined;
    expect([(await first).statusCode, (await waiting).statusCode]).toEqual([200, 200]);
    expect(get).toHaveBeenCalled();
    get.mockRestore();
  });
});

describe('ExrPool.inspect', () => {
  const pool = new ExrPool({ workers: 1 });
  afterAll(() => pool.close());

  it('sums up a header and checks the positions of the chunks', async () => {
    const summary = await pool.inspect(exr);
    expect(summary.length).toBe(exr.length);
    expect(summary.parts).toMatchObject([
      {
        dataWindow: { xMin: 0, yMin: 0, xMax: 15, yMax: 11 },
        compression: expect.any(String),
        channels: ['B', 'G', 'R', 'depth.Z'].map((name) => ({ name, type: 'float' })),
      },
    ]);
    const cut = exr.subarray(0, exr.length - 40);
    expect(pool.header(cut).parts).toHaveLength(1);
    await expect(pool.inspect(cut)).rejects.toThrow(QuietframeError);
  });
});
