import { createHash } from 'node:crypto';
import { PNG } from 'pngjs';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { writeExr } from '../../src/exr/write-exr.js';
import { readAlpha } from '../../src/files/denoise-file/read-alpha.js';
import { blenderParts, image, makeExr } from '../support/exr-files.js';
import { expectProblem, fakeApp, form, post, postForm } from './support.js';

const { app, service } = await fakeApp();
const exr = makeExr();

beforeEach(() => {
  service.requests.length = 0;
});

function planes(bytes: Uint8Array): Record<string, number[]> {
  const part = readExr(bytes).parts[0];
  return Object.fromEntries([...(part?.planes ?? [])].map(([name, { data }]) => [name, [...data]]));
}

describe('POST /v1/denoise', () => {
  it.each([undefined, '*/*', 'image/*', 'image/x-exr', 'text/html, image/x-exr;q=0.5'])(
    'answers Accept %s with the denoised file, everything else kept',
    async (accept) => {
      const request = post(exr);
      const answer = await app.inject({
        ...request,
        headers: { ...request.headers, ...(accept && { accept }) },
      });
      expect(answer.statusCode).toBe(200);
      expect(answer.headers['content-type']).toBe('image/x-exr');
      const before = planes(exr);
      const after = planes(answer.rawPayload);
      expect(after['depth.Z']).toEqual(before['depth.Z']);
      expect(after.R).toEqual(before.R?.map((value) => Math.fround(value / 2)));
    },
  );

  it('passes on what is done with the denoised frame', async () => {
    const query = 'upscale=1.5&deblur=auto&strength=0.5&outputs=color,parameters';
    expect((await app.inject(post(exr, `/v1/denoise?${query}`))).statusCode).toBe(200);
    expect(service.requests[0]).toMatchObject({
      ...{ finish: { upscale: 1.5, deblur: 'auto' }, strength: 0.5 },
      maps: { outputs: ['color', 'parameters'] },
    });
    await app.inject(post(exr));
    expect(service.requests[1]).not.toHaveProperty('finish');
  });

  it('puts the main figures of the report into headers', async () => {
    const { headers } = await app.inject(post(exr));
    expect(headers['quietframe-model']).toBe('kpcn@2');
    expect(headers['quietframe-device']).toBe('cpu');
    expect(headers['quietframe-warnings']).toBe('missing-albedo');
    expect(headers['server-timing']).toMatch(
      /^receive;dur=[\d.]+, queue;dur=[\d.]+, decode;dur=250.000, denoise;dur=1500.000$/,
    );
    expect(headers['request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers.vary).toBe('accept');
  });

  it('answers with the tone-mapped picture', async () => {
    const flat = makeExr({ value: () => 3 });
    const request = post(flat);
    const answer = await app.inject({ ...request, headers: { ...request.headers, accept: 'image/png' } });
    expect(answer.headers['content-type']).toBe('image/png');
    const png = PNG.sync.read(answer.rawPayload);
    expect([png.width, png.height]).toEqual([16, 12]);
    // A flat picture is exposed to 0.18: filmic 0.18 * (2.51 * 0.18 + 0.03) / (0.18 * (2.43 * 0.18 + 0.59) + 0.14) = 0.2671,
    // as sRGB 1.055 * 0.2671^(1/2.4) - 0.055 = 0.5536, of 255: 141.
    expect([...png.data.subarray(0, 4)]).toEqual([141, 141, 141, 255]);
    expect(png.data.every((byte, index) => byte === (index % 4 === 3 ? 255 : 141))).toBe(true);
  });

  it('answers with the report', async () => {
    const request = postForm(
      form([
        ['frame', exr],
        ['frame', exr],
        ['frame', exr],
      ]),
    );
    const answer = await app.inject({
      ...request,
      headers: { ...request.headers, accept: 'application/json' },
    });
    expect(answer.json()).toMatchObject({
      model: 'kpcn',
      version: 2,
      device: 'cpu',
      warnings: [{ code: 'missing-albedo' }],
      stages: { receive: expect.any(Number), queue: expect.any(Number), decode: 0.25, denoise: 1.5 },
      frames: 3,
      center: 1,
      windowUsed: 1,
    });
  });

  it('answers with report and file', async () => {
    const request = post(exr);
    const answer = await app.inject({
      ...request,
      headers: { ...request.headers, accept: 'multipart/mixed' },
    });
    const boundary = /boundary=(\S+)$/.exec(String(answer.headers['content-type']))?.[1];
    const [before, report, file, after] = answer.rawPayload.toString('latin1').split(`--${boundary}`);
    expect([before, after]).toEqual(['', '--\r\n']);
    expect(JSON.parse(report?.split('\r\n\r\n')[1] ?? '')).toMatchObject({ model: 'kpcn' });
    const bytes = Buffer.from(file?.slice(file.indexOf('\r\n\r\n') + 4, -2) ?? '', 'latin1');
    expect(planes(bytes)).toEqual(planes((await app.inject(post(exr))).rawPayload));
  });

  it('answers with a form of report and file, as formData() reads it', async () => {
    const request = post(exr);
    const headers = { ...request.headers, accept: 'multipart/form-data' };
    const answer = await app.inject({ ...request, headers });
    const type = String(answer.headers['content-type']);
    const form = await new Response(new Uint8Array(answer.rawPayload), {
      headers: { 'content-type': type },
    }).formData();
    expect([...form.keys()]).toEqual(['report', 'exr']);
    expect(JSON.parse(String(form.get('report')))).toMatchObject({ model: 'kpcn' });
    const file = form.get('exr');
    if (!(file instanceof File)) throw new Error('Expected a file');
    expect([file.name, file.type]).toEqual(['denoised.exr', 'image/x-exr']);
    const bytes = Buffer.from(await file.arrayBuffer());
    expect(planes(bytes)).toEqual(planes((await app.inject(post(exr))).rawPayload));
  });

  it.each([
    ['exr', 'image/x-exr'],
    ['png', 'image/png'],
    ['json', 'application/json'],
    ['mixed', 'multipart/mixed'],
    ['form', 'multipart/form-data'],
  ])('answers with the format %s, whatever Accept says', async (format, type) => {
    const request = post(exr, `/v1/denoise?format=${format}`);
    const answer = await app.inject({ ...request, headers: { ...request.headers, accept: 'image/webp' } });
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toContain(type);
  });

  it.each(['outputs=color,error', 'aovs=all', 'view=all'])(
    'has no picture of what is more than one: %s',
    async (query) => {
      const url = `/v1/denoise?${query}`;
      const problem = expectProblem(await app.inject(post(exr, `${url}&format=png`)), 'invalid-argument');
      expect(problem.parameter).toBe('format');
      expect(problem.detail).toContain('exr, json, mixed, form, which hold more than one picture');
      const [name = '', value] = query.split('=');
      const sha = createHash('sha256').update(exr).digest('hex');
      await app.inject({ ...post(exr, `/v1/frames/${sha}`), method: 'PUT' });
      const named = {
        method: 'POST' as const,
        payload: JSON.stringify({ frames: [sha], [name]: value }),
        headers: { 'content-type': 'application/json' },
      };
      expectProblem(await app.inject({ ...named, url: '/v1/denoise?format=png' }), 'invalid-argument');
      const headers = (accept: string) => ({ 'content-type': 'image/x-exr', accept });
      expectProblem(await app.inject({ ...post(exr, url), headers: headers('image/png') }), 'not-acceptable');
      const other = await app.inject({ ...post(exr, url), headers: headers('image/png, image/x-exr;q=0.5') });
      expect([other.statusCode, other.headers['content-type']]).toEqual([200, 'image/x-exr']);
    },
  );

  it('takes the alpha of a picture from the view that is denoised', async () => {
    const parts = ['left', 'right'].flatMap((view) => blenderParts('V', ['Combined.RGBA'], view));
    const picture = image(parts, () => 1);
    picture.parts[1]?.planes.get('V.Combined.A')?.data.fill(0.5);
    const stereo = writeExr(picture);
    const pool = new ExrPool({ workers: 1 });
    const signal = new AbortController().signal;
    const alphaOf = async (view: string) => (await readAlpha(stereo, pool, { view }, signal))?.data[0];
    expect([await alphaOf('left'), await alphaOf('right')]).toEqual([1, 0.5]);
    await pool.close();
  });

  it('gives the parameters to the denoiser', async () => {
    await app.inject(post(exr, '/v1/denoise'));
    await app.inject(
      post(
        exr,
        '/v1/denoise?lambda=2.5&model=kpcn@1&source=mitsuba&alpha=copy&components=split&aovs=Combined_key,%20Emission&outputs=color&center=0&motion=from-previous,y-up&layer=motion=flow',
      ),
    );
    expect(service.requests[0]).toEqual({
      exr: expect.any(Uint8Array),
      frameName: 'frame[0]',
      lambda: 1,
      signal: expect.any(AbortSignal),
    });
    expect(service.requests[1]).toMatchObject({
      lambda: 2.5,
      components: 'split',
      model: 'kpcn@1',
      source: 'mitsuba',
      alpha: 'copy',
      aovs: ['Combined_key', 'Emission'],
      motion: 'from-previous,y-up',
      layers: { motion: 'flow' },
    });
  });

  it('takes a guide for the magnification with a frame', async () => {
    const guide = makeExr({ value: () => 0.5 });
    const payload = form([
      ['frame', exr],
      ['guide', guide],
    ]);
    expect((await app.inject(postForm(payload, '/v1/denoise?upscale=2'))).statusCode).toBe(200);
    const [given] = service.requests;
    expect(given?.finish).toEqual({ upscale: 2 });
    expect(Buffer.from(given?.guide ?? []).equals(guide)).toBe(true);
  });

  it.each(['2.5', '1e0', '.5e1'])('takes the number %s as a field of a form', async (text) => {
    const { app, service } = await fakeApp();
    const payload = form([
      ['frame', makeExr()],
      ['lambda', Buffer.from(text)],
    ]);
    expect((await app.inject(postForm(payload))).statusCode).toBe(200);
    expect(service.requests[0]?.lambda).toBe(Number(text));
    expect(service.requests[0]?.lambdaMap).toBeUndefined();
    const twice = await app.inject(postForm(payload, '/v1/denoise?lambda=2.5'));
    expect(expectProblem(twice, 'invalid-argument', '/v1/denoise').parameter).toBe('lambda');
    const job = await app.inject(postForm(payload, '/v1/jobs'));
    expect(job.statusCode).toBe(202);
    await vi.waitFor(() => expect(service.requests).toHaveLength(2));
    expect(service.requests[1]?.lambda).toBe(Number(text));
  });

  it.each(['much', '0', '0x2', '1,5'])('refuses the field lambda=%s as the query does', async (text) => {
    const { app } = await fakeApp();
    const payload = form([
      ['frame', makeExr()],
      ['lambda', Buffer.from(text)],
    ]);
    for (const url of ['/v1/denoise', '/v1/jobs'] as const) {
      const problem = expectProblem(await app.inject(postForm(payload, url)), 'invalid-argument', url);
      expect([problem.parameter, problem.detail]).toEqual([
        'lambda',
        expect.stringContaining(`received "${text}"`),
      ]);
    }
  });

  it('takes an encoder of the model, in the query, a body and a job, and no other', async () => {
    const { app, service } = await fakeApp();
    expect((await app.inject(post(exr, '/v1/denoise?encoder=cycles'))).statusCode).toBe(200);
    expect((await app.inject(post(exr, '/v1/sample-map?budget=2&encoder=auto'))).statusCode).toBe(200);
    expect((await app.inject(post(exr, '/v1/jobs?encoder=cycles'))).statusCode).toBe(202);
    await vi.waitFor(() => expect(service.requests).toHaveLength(3));
    expect(service.requests.map(({ encoder }) => encoder)).toEqual(['cycles', 'auto', 'cycles']);
    for (const value of ['generic', '', 'Cycles', 'constructor', 'cycles&encoder=cycles']) {
      for (const path of ['/v1/denoise', '/v1/jobs'] as const) {
        const answer = await app.inject(post(exr, `${path}?encoder=${value}`));
        expect(expectProblem(answer, 'invalid-argument', path).parameter).toBe('encoder');
      }
    }
  });

  it('takes a choice about the prefilter, in the query, a body and a job, and no other', async () => {
    const { app, service } = await fakeApp();
    expect((await app.inject(post(exr, '/v1/denoise?prefilter=off&outputs=auxiliaries'))).statusCode).toBe(
      200,
    );
    expect((await app.inject(post(exr, '/v1/sample-map?budget=2&prefilter=on'))).statusCode).toBe(200);
    expect((await app.inject(post(exr, '/v1/jobs?prefilter=auto'))).statusCode).toBe(202);
    await vi.waitFor(() => expect(service.requests).toHaveLength(3));
    expect(service.requests.map(({ prefilter }) => prefilter)).toEqual(['off', 'on', 'auto']);
    expect(service.requests[0]?.maps?.outputs).toEqual(['auxiliaries']);
    for (const value of ['yes', '', 'On', 'constructor', 'on&prefilter=on']) {
      for (const path of ['/v1/denoise', '/v1/jobs'] as const) {
        const answer = await app.inject(post(exr, `${path}?prefilter=${value}`));
        expect(expectProblem(answer, 'invalid-argument', path).parameter).toBe('prefilter');
      }
    }
  });

  it('takes a map of lambda with a frame, beside the default alone', async () => {
    const map = makeExr({ value: () => 2 });
    const payload = form([
      ['lambda', map],
      ['frame', exr],
    ]);
    expect((await app.inject(postForm(payload))).statusCode).toBe(200);
    await app.inject(postForm(payload, '/v1/denoise?lambda=3'));
    expect(service.requests.map(({ lambda, lambdaMap }) => [lambda, lambdaMap?.length])).toEqual([
      [undefined, map.length],
      [3, map.length],
    ]);
  });

  it.each([
    [1, undefined, 0],
    [2, undefined, 1],
    [3, undefined, 1],
    [7, undefined, 3],
    [7, 6, 6],
    [7, 0, 0],
  ])('of %i frames and centre %s it denoises frame %i', async (count, center, chosen) => {
    const frames = Array.from({ length: count }, (_, index) => makeExr({ value: () => index }));
    const request = postForm(
      form(frames.map((bytes) => ['frame', bytes])),
      center === undefined ? '/v1/denoise' : `/v1/denoise?center=${center}`,
    );
    const answer = await app.inject(request);
    expect(planes(answer.rawPayload).R?.[0]).toBe(chosen / 2);
  });

  it('takes two half buffers', async () => {
    const [a, b] = [makeExr({ value: () => 2 }), makeExr({ value: () => 3 })];
    const answer = await app.inject(
      postForm(
        form([
          ['half_b', b],
          ['half_a', a],
        ]),
      ),
    );
    expect(answer.statusCode).toBe(200);
    expect(Buffer.from(service.requests[0]?.exr ?? []).equals(a)).toBe(true);
    expect(service.requests[0]?.halves?.map((half) => Buffer.from(half).equals(b))).toEqual([false, true]);
    expect(service.requests[0]?.neighbors).toBeUndefined();
  });

  it('takes a window together with the half buffers of its centre', async () => {
    const frames = Array.from({ length: 7 }, (_, index) => makeExr({ value: () => index }));
    // Half buffers may have more layers than the frames.
    const half = makeExr({ channels: ['B', 'G', 'R', 'albedo.R'] });
    const answer = await app.inject({
      ...postForm(
        form([...frames.map((bytes) => ['frame', bytes] as const), ['half_a', half], ['half_b', half]]),
      ),
    });
    expect(planes(answer.rawPayload).R?.[0]).toBe(1.5);
    const [request] = service.requests;
    expect(request?.neighbors?.map(({ offset }) => offset)).toEqual([-3, -2, -1, 1, 2, 3]);
    expect(Buffer.from(request?.neighbors?.[0]?.exr ?? []).equals(frames[0] as Uint8Array)).toBe(true);
    expect(request?.halves).toHaveLength(2);
  });

  it('sends what is before the centre with offsets below 0', async () => {
    const frames = Array.from({ length: 4 }, () => ['frame', exr] as const);
    await app.inject(postForm(form(frames), '/v1/denoise?center=3'));
    expect(service.requests[0]?.neighbors?.map(({ offset }) => offset)).toEqual([-3, -2, -1]);
  });

  it('gives the same bytes for the same input', async () => {
    const [first, second] = [await app.inject(post(exr)), await app.inject(post(exr))];
    expect(first.rawPayload.equals(second.rawPayload)).toBe(true);
  });
});
