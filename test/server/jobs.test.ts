import { createHash } from 'node:crypto';
import { appendFile, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { request } from 'undici';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { readExr } from '../../src/exr/read-exr.js';
import { buildApp } from '../../src/server/app.js';
import type { ServerDeps } from '../../src/server/service.js';
import { makeExr } from '../support/exr-files.js';
import { CONFIG, expectProblem, FakeService, fakeApp, form, listen, post, postForm } from './support.js';

const { app, service } = await fakeApp();
const origin = `http://127.0.0.1:${await listen(app)}`;
const exr = makeExr();
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** Frames of a shot, each with another first sample. */
const shot = Array.from({ length: 5 }, (_, frame) => makeExr({ value: (index) => frame + index / 100 }));

interface Status {
  readonly id: string;
  readonly state: string;
  readonly progress: number;
  readonly done: number;
  readonly failed: number;
  readonly total: number;
  readonly frames: {
    index: number;
    state: string;
    result: string;
    digest: string;
    partial?: string;
    error?: { type: string };
  }[];
}

async function keep(to: FastifyInstance, files: readonly Uint8Array[]): Promise<string[]> {
  for (const file of files) {
    const answer = await to.inject({ ...post(file, `/v1/frames/${sha(file)}`), method: 'PUT' });
    expect([201, 204]).toContain(answer.statusCode);
  }
  return files.map(sha);
}

function create(to: FastifyInstance, body: object, headers: Record<string, string> = {}) {
  return to.inject({
    method: 'POST',
    url: '/v1/jobs',
    headers: { 'content-type': 'application/json', ...headers },
    payload: JSON.stringify(body),
  });
}

async function status(to: FastifyInstance, id: string): Promise<Status> {
  return (await to.inject(`/v1/jobs/${id}`)).json();
}

async function ended(to: FastifyInstance, id: string): Promise<Status> {
  await vi.waitFor(
    async () => expect(['done', 'failed', 'cancelled']).toContain((await status(to, id)).state),
    20_000,
  );
  return status(to, id);
}

/** Holds all work until the function is called. */
function hold(of: FakeService): () => void {
  let release = (): void => {};
  of.hold = new Promise((resolve) => {
    release = resolve;
  });
  return () => {
    of.hold = undefined;
    release();
  };
}

describe('a job', () => {
  it('is accepted, done, and gives what denoising gives', async () => {
    const answer = await app.inject(post(exr, '/v1/jobs?alpha=copy'));
    expect(answer.statusCode).toBe(202);
    const { id } = answer.json<Status>();
    expect(answer.headers.location).toBe(`/v1/jobs/${id}`);
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'done', progress: 1, done: 1, failed: 0, total: 1 });
    const result = await app.inject(`/v1/jobs/${id}/result`);
    expect(result.statusCode).toBe(200);
    expect(result.headers['content-type']).toBe('image/x-exr');
    expect(result.rawPayload.equals((await app.inject(post(exr))).rawPayload)).toBe(true);
    expect(sha(result.rawPayload)).toBe(done.frames[0]?.digest);
    const headers = { accept: 'application/json' };
    expect((await app.inject({ url: done.frames[0]?.result ?? '', headers })).json()).toMatchObject({
      model: 'kpcn',
    });
    const listed = (await app.inject('/v1/jobs')).json().jobs as Status[];
    expect(listed.find((job) => job.id === id)).toMatchObject({ state: 'done' });
  });

  it('takes forms', async () => {
    const body = form([
      ['frame', exr],
      ['frame', shot[1] as Uint8Array],
      ['half_a', exr],
      ['half_b', exr],
    ]);
    const answer = await app.inject(postForm(body, '/v1/jobs?center=1'));
    expect(answer.statusCode).toBe(202);
    expect((await ended(app, answer.json().id)).state).toBe('done');
    expect(service.requests.at(-1)).toMatchObject({ frameName: 'frame[1]', neighbors: [{ offset: -1 }] });
    expect(service.requests.at(-1)?.halves).toHaveLength(2);
  });

  it.each(['a form', 'JSON'])('takes a guide for the magnification in %s', async (kind) => {
    const guide = shot[1] as Uint8Array;
    await keep(app, [exr, guide]);
    const parts = form([
      ['frame', exr],
      ['guide', guide],
    ]);
    const payload = JSON.stringify({ frames: [sha(exr)], guide: sha(guide), upscale: 2 });
    const headers = { 'content-type': 'application/json' };
    const answer = await app.inject(
      kind === 'JSON'
        ? { method: 'POST', url: '/v1/jobs', headers, payload }
        : postForm(parts, '/v1/jobs?upscale=2'),
    );
    expect(answer.statusCode).toBe(202);
    expect((await ended(app, answer.json().id)).state).toBe('done');
    expect(service.requests.at(-1)?.finish).toEqual({ upscale: 2 });
    expect(sha(service.requests.at(-1)?.guide ?? new Uint8Array())).toBe(sha(guide));
    await app.inject({ method: 'DELETE', url: `/v1/jobs/${answer.json().id}` });
  });

  it('denoises each frame of a sequence with its neighbors', async () => {
    const sequence = await keep(app, shot);
    const before = service.requests.length;
    const { id } = (await create(app, { sequence, window: 3, aovs: 'all' })).json();
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'done', done: 5, total: 5 });
    const windows = service.requests.slice(before);
    expect(windows.map(({ neighbors = [] }) => neighbors.map(({ offset }) => offset))).toEqual([
      [1],
      [-1, 1],
      [-1, 1],
      [-1, 1],
      [-1],
    ]);
    expect(windows.every(({ aovs }) => aovs === 'all')).toBe(true);
    for (const [index, { result }] of done.frames.entries()) {
      const { rawPayload } = await app.inject(result);
      const first = readExr(rawPayload).parts[0]?.planes.get('R')?.data[0];
      expect(first).toBe(index / 2);
    }
    expectProblem(await app.inject(`/v1/jobs/${id}/result`), 'not-found', '/v1/jobs/{id}/result');
    expectProblem(await app.inject(`/v1/jobs/${id}/results/5`), 'not-found', '/v1/jobs/{id}/results/{index}');
  });

  it.each([
    ['damaged', Buffer.from('junk'), 'malformed-exr'],
    ['odd-sized', makeExr({ width: 5 }), 'mismatched-frames'],
  ])('loses only the frame of a sequence that is %s', async (_, bytes, code) => {
    const files = shot.map((file, index) => (index === 2 ? bytes : file));
    // What cannot be read is not kept over HTTP; a spool may hold anything.
    for (const file of files) await app.context.frames.put(sha(file), file);
    const { id } = (await create(app, { sequence: files.map(sha), window: 3 })).json();
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'failed', done: 4, failed: 1 });
    expect(done.frames[2]).toMatchObject({
      state: 'failed',
      error: { type: `urn:quietframe:problem:${code}`, frame: 'frame[2]' },
    });
    for (const index of [0, 1, 3, 4]) {
      const url = `/v1/jobs/${id}/results/${index}`;
      const { warnings } = (await app.inject({ url, headers: { accept: 'application/json' } })).json();
      const leftOut = warnings.filter((warning: { code: string }) => warning.code === 'frame-left-out');
      const wanted = { frame: 'frame[2]', message: expect.stringContaining('frame[2]') };
      expect(leftOut).toEqual([1, 3].includes(index) ? [expect.objectContaining(wanted)] : []);
    }
    const windows = [{ frames: files.slice(1, 4).map(sha), center: 0 }];
    const strict = (await create(app, { windows })).json();
    expect(await ended(app, strict.id)).toMatchObject({ state: 'failed', failed: 1 });
    // Jobs are kept in a small number, and other tests need theirs.
    for (const job of [id, strict.id]) await app.inject({ method: 'DELETE', url: `/v1/jobs/${job}` });
  });

  it('takes windows, and goes on after a frame that fails', async () => {
    const [good = '', bad = ''] = await keep(app, [exr, makeExr({ channels: ['depth.Z'] })]);
    const windows = [{ frames: [bad] }, { frames: [good, good], center: 0 }, { halves: [good, good] }];
    const { id } = (await create(app, { windows })).json();
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'failed', done: 2, failed: 1 });
    expect(done.progress).toBeLessThan(1);
    expect(done.frames[0]?.error?.type).toBe('urn:quietframe:problem:missing-layer');
    const url = `/v1/jobs/${id}/results/0`;
    expectProblem(await app.inject(url), 'missing-layer', undefined);
    expect((await app.inject(`/v1/jobs/${id}/results/1`)).statusCode).toBe(200);
  });

  it('is cancelled, which frees its worker, and then forgotten', async () => {
    const release = hold(service);
    const { cancelled } = service;
    const { id } = (await app.inject(post(exr, '/v1/jobs'))).json();
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    expect((await status(app, id)).state).toBe('running');
    expectProblem(await app.inject(`/v1/jobs/${id}/result`), 'not-finished', '/v1/jobs/{id}/result');
    expect((await app.inject({ method: 'DELETE', url: `/v1/jobs/${id}` })).statusCode).toBe(204);
    expect((await status(app, id)).state).toBe('cancelled');
    await vi.waitFor(() => expect([service.running, service.cancelled]).toEqual([0, cancelled + 1]), 10_000);
    release();
    expectProblem(await app.inject(`/v1/jobs/${id}/result`), 'not-finished', '/v1/jobs/{id}/result');
    expect((await app.inject({ method: 'DELETE', url: `/v1/jobs/${id}` })).statusCode).toBe(204);
    expectProblem(await app.inject(`/v1/jobs/${id}`), 'not-found', '/v1/jobs/{id}');
    expect(app.context.queue.depth).toBe(0);
  });

  it('lets requests that somebody waits for pass', async () => {
    const release = hold(service);
    const first = app.inject(post(exr)).then(({ statusCode }) => statusCode);
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    const [digest = ''] = await keep(app, [exr]);
    const { id } = (await create(app, { frames: [digest] })).json();
    const second = app.inject(post(shot[2] as Uint8Array)).then(({ statusCode }) => statusCode);
    await vi.waitFor(() => expect(app.context.queue.depth).toBe(2), 10_000);
    release();
    expect([await first, await second]).toEqual([200, 200]);
    await ended(app, id);
    expect(sha(service.requests.at(-1)?.exr ?? exr)).toBe(digest);
  });
});

describe('Idempotency-Key', () => {
  it('makes one job of several requests', async () => {
    const [digest = ''] = await keep(app, [exr]);
    const ask = (body: object, key: string) => create(app, body, { 'idempotency-key': key });
    const [first, again] = await Promise.all([
      ask({ frames: [digest] }, 'k1'),
      ask({ frames: [digest] }, 'k1'),
    ]);
    expect([first.statusCode, again.statusCode]).toEqual([202, 202]);
    expect(again.headers.location).toBe(first.headers.location);
    expect([first, again].filter(({ headers }) => headers['idempotency-replayed'] === 'true')).toHaveLength(
      1,
    );
    expectProblem(
      await ask({ frames: [digest], alpha: 'denoise' }, 'k1'),
      'idempotency-conflict',
      '/v1/jobs',
    );
    expect((await ask({ frames: [digest] }, 'k2')).headers.location).not.toBe(first.headers.location);
    expectProblem(await ask({ frames: [digest] }, 'with space'), 'invalid-argument', '/v1/jobs');
    expectProblem(await ask({ frames: [digest] }, 'x'.repeat(256)), 'invalid-argument', '/v1/jobs');
  });
});

describe('a result', async () => {
  const { id } = (await app.inject(post(exr, '/v1/jobs'))).json();
  const url = `/v1/jobs/${id}/result`;
  await ended(app, id);
  const whole = await app.inject(url);
  const etag = String(whole.headers.etag);
  const size = whole.rawPayload.length;

  it('has an ETag', async () => {
    for (const tag of [etag, `"x", W/${etag}`, '*']) {
      const answer = await app.inject({ url, headers: { 'if-none-match': tag } });
      expect([answer.statusCode, answer.body, answer.headers.etag]).toEqual([304, '', etag]);
    }
    expect((await app.inject({ url, headers: { 'if-none-match': '"x"' } })).statusCode).toBe(200);
    const head = await app.inject({ method: 'HEAD', url });
    expect([head.statusCode, head.headers['content-length']]).toEqual([200, String(size)]);
  });

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=100-', 100, size - 1],
    ['bytes=-7', size - 7, size - 1],
    ['bytes=5-999999999', 5, size - 1],
  ])('comes in ranges: %s', async (range, start, end) => {
    const answer = await app.inject({ url, headers: { range } });
    expect(answer.statusCode).toBe(206);
    expect(answer.headers['content-range']).toBe(`bytes ${start}-${end}/${size}`);
    expect(answer.rawPayload.equals(whole.rawPayload.subarray(start, end + 1))).toBe(true);
  });

  it.each(['bytes=5-2', 'bytes=a-b', 'lines=0-5', 'bytes=0-1,5-6', '', 'bytes'])(
    'is whole for a range that it does not serve: %j',
    async (range) => {
      const answer = await app.inject({ url, headers: { range } });
      expect([200, 416]).toContain(answer.statusCode);
      if (answer.statusCode === 200) expect(answer.rawPayload.length).toBe(size);
    },
  );

  it('says where it ends, and minds If-Range', async () => {
    const range = `bytes=${size}-`;
    const answer = await app.inject({ url, headers: { range } });
    expectProblem(answer, 'range-not-satisfiable', '/v1/jobs/{id}/result');
    expect(answer.headers['content-range']).toBe(`bytes */${size}`);
    const part = { range: 'bytes=0-9' };
    expect((await app.inject({ url, headers: { ...part, 'if-range': etag } })).statusCode).toBe(206);
    expect((await app.inject({ url, headers: { ...part, 'if-range': '"old"' } })).statusCode).toBe(200);
  });

  it('is answered as what is asked for', async () => {
    const answer = await app.inject({ url, headers: { accept: 'text/html' } });
    expectProblem(answer, 'not-acceptable', '/v1/jobs/{id}/result');
  });
});

interface Event {
  readonly id: number;
  readonly event: string;
  readonly data: Status;
}

function eventsOf(text: string): Event[] {
  return [...text.matchAll(/id: (\d+)\nevent: (\w+)\ndata: (.+)\n\n/g)].map(
    ([, id, event = '', data = '']) => ({
      id: Number(id),
      event,
      data: JSON.parse(data),
    }),
  );
}

describe('events', () => {
  it('tell progress that rises to 1, and end with the job', async () => {
    const release = hold(service);
    const sequence = await keep(app, shot);
    const { id } = (await create(app, { sequence })).json();
    const stream = await request(`${origin}/v1/jobs/${id}/events`);
    expect(stream.headers['content-type']).toBe('text/event-stream');
    let text = '';
    stream.body.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    await vi.waitFor(() => expect(eventsOf(text).length).toBeGreaterThan(0), 10_000);
    release();
    await vi.waitFor(() => expect(eventsOf(text).at(-1)?.event).toBe('end'), 20_000);
    const events = eventsOf(text);
    const rising = (values: number[]): void => expect(values).toEqual([...values].sort((a, b) => a - b));
    rising(events.map(({ data }) => data.progress));
    rising(events.map((event) => event.id));
    expect(events.at(-1)?.data).toMatchObject({ state: 'done', progress: 1, done: 5 });
    expect(events.slice(0, -1).every(({ data }) => data.progress < 1)).toBe(true);

    const last = events.at(-1)?.id ?? 0;
    const again = (seen: string) =>
      app.inject({ url: `/v1/jobs/${id}/events`, headers: { 'last-event-id': seen } });
    expect((await again(String(last))).statusCode).toBe(204);
    const rest = eventsOf((await again(String(last - 1))).body);
    expect(rest.map(({ event }) => event)).toEqual(['end']);
    expect(rest[0]?.data.frames.map(({ index }) => index)).toEqual([4]);
    for (const odd of ['-1', 'x', '1e99', String(last + 5)]) {
      expect(eventsOf((await again(odd)).body)[0]?.data.frames).toHaveLength(5);
    }
  });

  it('stop when their reader goes away', async () => {
    const release = hold(service);
    const { id } = (await app.inject(post(exr, '/v1/jobs'))).json();
    const controller = new AbortController();
    const { body } = await request(`${origin}/v1/jobs/${id}/events`, { signal: controller.signal });
    body.on('error', () => {});
    controller.abort();
    release();
    expect((await ended(app, id)).state).toBe('done');
  });
});

describe('what is no job', () => {
  const digest = sha(exr);
  it.each([
    ['{}', 'malformed-body'],
    ['[]', 'malformed-body'],
    ['{"sequence":[]}', 'malformed-body'],
    ['{"sequence":"x"}', 'malformed-body'],
    ['{"sequence":[1]}', 'invalid-argument'],
    [`{"sequence":["${digest}"],"window":2}`, 'invalid-argument'],
    [`{"sequence":["${digest}"],"window":"3"}`, 'invalid-argument'],
    [`{"sequence":["${digest}"],"frames":["${digest}"]}`, 'malformed-body'],
    [`{"sequence":["${digest}"],"windows":[{}]}`, 'malformed-body'],
    [`{"windows":[{"frames":["${digest}"]}],"window":3}`, 'malformed-body'],
    ['{"windows":[null]}', 'malformed-body'],
    ['{"windows":[{"frames":[]}]}', 'malformed-body'],
    [`{"windows":[{"frames":["${digest}"],"alpha":"copy"}]}`, 'unknown-parameter'],
    [`{"windows":[{"frames":["${digest}"],"center":1}]}`, 'invalid-argument'],
    [`{"frames":["${digest}"],"center":1}`, 'invalid-argument'],
    [`{"frames":["${digest}"],"lambda":0}`, 'invalid-argument'],
    [`{"frames":["${digest}"],"sparkle":1}`, 'unknown-parameter'],
    [`{"frames":["${'0'.repeat(64)}"]}`, 'missing-frames'],
    [JSON.stringify({ sequence: Array(33).fill(digest) }), 'too-large'],
    [JSON.stringify({ windows: Array(40).fill({ frames: [digest] }) }), 'too-large'],
    [`{"sequence":["${digest}"`, 'malformed-body'],
  ] as const)('%s', async (payload, code) => {
    await keep(app, [exr]);
    const headers = { 'content-type': 'application/json' };
    expectProblem(await app.inject({ method: 'POST', url: '/v1/jobs', headers, payload }), code, '/v1/jobs');
  });

  it('is refused before or after its upload', async () => {
    expectProblem(await app.inject(post(exr, '/v1/jobs?lambda=0')), 'invalid-argument', '/v1/jobs');
    expectProblem(await app.inject(post(exr, '/v1/jobs?center=1')), 'invalid-argument', '/v1/jobs');
    expectProblem(await app.inject(post(Buffer.from('junk'), '/v1/jobs')), 'malformed-exr', '/v1/jobs');
    expectProblem(await app.inject(post(Buffer.alloc(2 ** 20 + 1), '/v1/jobs')), 'too-large', '/v1/jobs');
    for (const url of ['/v1/jobs/nothing', '/v1/jobs/..%2f..%2fetc', '/v1/jobs/__proto__/events']) {
      expectProblem(await app.inject(url), 'not-found', undefined);
    }
  });
});

describe('the store of jobs', async () => {
  const small = await fakeApp({ maxJobs: 2, jobSeconds: 3600 });

  it('lets go of what has ended, and refuses more than it can keep', async () => {
    const [digest = ''] = await keep(small.app, [exr]);
    const ask = () => create(small.app, { frames: [digest] });
    const first = (await ask()).json<Status>();
    await ended(small.app, first.id);
    const release = hold(small.service);
    expect([(await ask()).statusCode, (await ask()).statusCode]).toEqual([202, 202]);
    expectProblem(await small.app.inject(`/v1/jobs/${first.id}`), 'not-found', '/v1/jobs/{id}');
    const refused = await ask();
    expectProblem(refused, 'overloaded', '/v1/jobs');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    release();
  });
});

describe('jobs that are written down', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-jobs-'));
  afterAll(() => rm(folder, { recursive: true }));
  const config = { ...CONFIG, spoolFolder: join(folder, 'spool'), jobFolder: join(folder, 'jobs') };

  it('go on where they were after a crash', async () => {
    const before = new FakeService();
    const denoiseExr: ServerDeps['denoiseExr'] = (request) =>
      before.requests.length < 2 ? before.deps.denoiseExr(request) : new Promise(() => {});
    const crashed = await buildApp({ ...before.deps, denoiseExr }, config);
    const sequence = await keep(crashed, shot);
    const body = { sequence, window: 1 };
    const { id } = (await create(crashed, body, { 'idempotency-key': 'k' })).json();
    await vi.waitFor(async () => expect((await status(crashed, id)).done).toBe(2), 10_000);
    for (const name of await readdir(config.jobFolder)) {
      await appendFile(join(config.jobFolder, name), '{"index":4,"end":{"resu');
    }
    // Nothing of the first service is closed: its files are what a crash leaves.
    const after = new FakeService();
    const app = await buildApp(after.deps, config);
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'done', done: 5 });
    expect(after.requests).toHaveLength(3);
    for (const { result, digest } of done.frames)
      expect(sha((await app.inject(result)).rawPayload)).toBe(digest);
    const again = await create(app, body, { 'idempotency-key': 'k' });
    expect(again.headers.location).toBe(`/v1/jobs/${id}`);

    await app.inject({ method: 'DELETE', url: `/v1/jobs/${id}` });
    await vi.waitFor(async () => expect(await readdir(config.jobFolder)).toEqual(['.lock']), 10_000);
    crashed.context.runner.stop();
    await app.close();
    for (const each of [after, before]) await each.pool.close();
  });

  it('end with what was computed though the spool is full, and no file of theirs is deleted before', async () => {
    const service = new FakeService();
    const folders = { spoolFolder: join(folder, 'full'), jobFolder: join(folder, 'full-jobs') };
    const app = await buildApp(service.deps, { ...config, ...folders });
    const release = hold(service);
    const digests = await keep(app, shot.slice(0, 1));
    const { id } = (await create(app, { sequence: digests, window: 1 })).json();
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    const url = `/v1/frames/${digests[0]}`;
    expectProblem(await app.inject({ method: 'DELETE', url }), 'in-use', '/v1/frames/{digest}');
    // A folder that is gone fails like one on a disk that is full.
    await rm(folders.spoolFolder, { recursive: true });
    release();
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'done', done: 1 });
    for (const { result, digest } of done.frames) {
      expect(sha((await app.inject(result)).rawPayload)).toBe(digest);
    }
    expect((await app.inject({ method: 'DELETE', url })).statusCode).toBe(204);
    await app.close();
    await service.pool.close();
  });

  it('are kept for the next run when the service is told to stop', async () => {
    const service = new FakeService();
    const app = await buildApp(service.deps, config);
    const release = hold(service);
    const { id } = (await create(app, { sequence: await keep(app, shot), window: 1 })).json();
    await vi.waitFor(() => expect(service.running).toBe(1), 10_000);
    const closed = app.close();
    release();
    await closed;
    expect(service.running).toBe(0);
    const next = await buildApp(service.deps, config);
    expect(await ended(next, id)).toMatchObject({ state: 'done', done: 5 });
    await next.close();
    await service.pool.close();
  });
});

describe('a job whose service has ended', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'quietframe-jobs-'));
  const services: FakeService[] = [];
  afterAll(async () => {
    await rm(folder, { recursive: true });
    for (const { pool } of services) await pool.close();
  });

  /** A job of which two frames are done when its service crashes, and no more at each further start. */
  async function crash(starts = 1) {
    const root = join(folder, String(services.length));
    const config = { ...CONFIG, spoolFolder: join(root, 'spool'), jobFolder: join(root, 'jobs') };
    const service = new FakeService();
    services.push(service);
    const denoiseExr: ServerDeps['denoiseExr'] = (request) =>
      service.requests.length < 2 ? service.deps.denoiseExr(request) : new Promise(() => {});
    let app = await buildApp({ ...service.deps, denoiseExr }, config);
    const sequence = await keep(app, shot);
    const { id } = (await create(app, { sequence, window: 1 })).json();
    await vi.waitFor(async () => expect((await status(app, id)).done).toBe(2), 10_000);
    const stuck = { ...service.deps, denoiseExr: () => new Promise<never>(() => {}) };
    for (let start = 1; start < starts; start++) {
      app.context.runner.stop();
      app = await buildApp(stuck, config);
      await vi.waitFor(() => expect(app.context.queue.running).toBe(1), 10_000);
    }
    app.context.runner.stop();
    return { config, id, sequence, deps: service.deps };
  }

  it('keeps its results where an input is lost, whose frame fails alone', async () => {
    const { config, id, sequence, deps } = await crash();
    await rm(join(config.spoolFolder, `${sequence[3]}.exr`));
    const app = await buildApp(deps, config);
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'failed', done: 4, failed: 1 });
    expect(done.frames[3]?.error).toMatchObject({
      type: 'urn:quietframe:problem:missing-frames',
      missing: [sequence[3]],
    });
    expect((await app.inject(`/v1/jobs/${id}/results/0`)).statusCode).toBe(200);
    await app.close();
  });

  it('keeps its record and its results where the service cannot go on', async () => {
    const { config, id, deps } = await crash();
    // Half of a store is what jobs may hold.
    const app = await buildApp(deps, { ...config, spoolBytes: 4000, frameCacheBytes: 0 });
    expect(await status(app, id)).toMatchObject({ done: 2, failed: 0 });
    expect((await readdir(config.jobFolder)).sort()).toEqual(['.lock', `${id}.jsonl`]);
    await app.close();
    const none = await buildApp(deps, { ...config, maxJobs: 0 });
    expect(none.context.jobs.jobs).toEqual([]);
    expect((await readdir(config.jobFolder)).sort()).toEqual(['.lock', `${id}.jsonl`]);
    await none.close();
  });

  it('is given up when that was three times without a frame done', async () => {
    const twice = await crash(3);
    const again = await buildApp(twice.deps, twice.config);
    expect(await ended(again, twice.id)).toMatchObject({ state: 'done', done: 5 });
    await again.close();
    const { config, id, deps } = await crash(4);
    const app = await buildApp(deps, config);
    const done = await ended(app, id);
    expect(done).toMatchObject({ state: 'failed', done: 2, failed: 3 });
    expect(done.frames[4]?.error?.type).toBe('urn:quietframe:problem:internal');
    expect(app.context.queue.running).toBe(0);
    await app.close();
  });
});

it('gives a job up whose frames fail for the same reason of the service, one after the other', async () => {
  const service = new FakeService();
  let calls = 0;
  const denoiseExr = (): Promise<never> => {
    calls++;
    return Promise.reject(new Error('/secret/path is gone'));
  };
  const broken = await buildApp({ ...service.deps, denoiseExr }, CONFIG);
  afterAll(async () => {
    await broken.close();
    await service.pool.close();
  });
  const { id } = (await create(broken, { sequence: await keep(broken, shot), window: 1 })).json();
  const done = await ended(broken, id);
  expect([done.state, done.failed, calls]).toEqual(['failed', 5, 3]);
  expect(JSON.stringify(done)).not.toContain('secret');
});

it('lets others in between the frames of a job, however little there is to do on each', async () => {
  const service = new FakeService();
  const denoiseExr = (): Promise<never> =>
    Promise.reject(new QuietframeError('missing-layer', 'There is no color'));
  const busy = await buildApp({ ...service.deps, denoiseExr }, CONFIG);
  afterAll(async () => {
    await busy.close();
    await service.pool.close();
  });
  const sequence = await keep(busy, shot);
  const windows = Array.from({ length: 32 }, (_, index) => ({ frames: [sequence[index % 5]] }));
  const { id } = (await create(busy, { windows })).json();
  const job = busy.context.jobs.jobs.find(({ spec }) => spec.id === id);
  const seen = new Set<number>();
  while (!job?.ended) {
    seen.add(windows.filter((_, index) => job?.end(index) !== undefined).length);
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(seen.size).toBeGreaterThan(16);
});

it('bounds the streams of events', async () => {
  const few = await fakeApp({ eventStreams: 4 });
  const address = `http://127.0.0.1:${await listen(few.app)}`;
  const release = hold(few.service);
  const { id } = (await few.app.inject(post(exr, '/v1/jobs'))).json();
  const open = () => request(`${address}/v1/jobs/${id}/events`);
  const streams = [await open(), await open()];
  expect(streams.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
  const third = await open();
  const body = await third.body.text();
  expectProblem({ ...third, body }, 'too-many-requests', '/v1/jobs/{id}/events');
  release();
  for (const stream of streams) expect(await stream.body.text()).toContain('event: end');
  expect((await few.app.inject(`/v1/jobs/${id}/events`)).statusCode).toBe(200);
});

it.each([-10, 10])('minds no clock of the day that is set by %d years', async (years) => {
  const limited = await fakeApp({ jobSeconds: 60 });
  const now = Date.now();
  vi.useFakeTimers({ toFake: ['Date'], now });
  try {
    const first = (await limited.app.inject(post(exr, '/v1/jobs'))).json();
    vi.setSystemTime(now + years * 365 * 86_400_000);
    expect((await ended(limited.app, first.id)).state).toBe('done');
    const waiting = { ...post(exr), headers: { 'content-type': 'image/x-exr', prefer: 'wait=30' } };
    expect((await limited.app.inject(waiting)).statusCode).toBe(200);
    const second = (await limited.app.inject(post(exr, '/v1/jobs'))).json();
    expect((await ended(limited.app, second.id)).state).toBe('done');
    const kept = (await limited.app.inject('/v1/jobs')).json().jobs as Status[];
    expect(kept.map(({ id }) => id)).toEqual([first.id, second.id]);
  } finally {
    vi.useRealTimers();
  }
});

describe('a progressive job', () => {
  it('shows a frame while it is worked on, and to its caller alone', async () => {
    const [frame] = await keep(app, [shot[1] as Uint8Array]);
    const release = hold(service);
    const { id } = (await create(app, { frames: [frame], progressive: 'true' })).json();
    await vi.waitFor(async () => expect((await status(app, id)).state).toBe('running'), 20_000);
    const partial = (await status(app, id)).frames[0]?.partial;
    expect(partial).toBe(`/v1/jobs/${id}/partials/0`);
    const asked = service.requests.at(-1)?.partial;
    asked?.data.fill(0.25);
    const answer = await app.inject(String(partial));
    expect(answer.headers).toMatchObject({ 'content-type': 'image/x-exr', 'cache-control': 'no-store' });
    const [part] = readExr(answer.rawPayload).parts;
    expect([...(part?.planes.keys() ?? [])]).toEqual(['A', 'B', 'G', 'R']);
    expect(part?.planes.get('G')?.data[0]).toBe(0.25);
    expect(part?.dataWindow).toMatchObject({ xMax: (asked?.width ?? 0) - 1 });
    release();
    await ended(app, id);
    expect((await status(app, id)).frames[0]).not.toHaveProperty('partial');
    expectProblem(await app.inject(String(partial)), 'not-found', '/v1/jobs/{id}/partials/{index}');
  });

  it('is one on request, of the query or the body', async () => {
    const [frame] = await keep(app, [shot[1] as Uint8Array]);
    for (const [progressive, isOne] of [
      ['true', true],
      ['false', false],
    ] as const) {
      const answer = await app.inject(post(shot[1] as Uint8Array, `/v1/jobs?progressive=${progressive}`));
      await ended(app, answer.json().id);
      expect(service.requests.at(-1)?.partial !== undefined).toBe(isOne);
    }
    const problem = await create(app, { frames: [frame], progressive: 'yes' });
    expectProblem(problem, 'invalid-argument', '/v1/jobs');
  });
});
