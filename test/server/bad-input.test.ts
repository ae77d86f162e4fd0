import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import { makeExr, withDataWindow } from '../support/exr-files.js';
import { BOUNDARY, expectProblem, fakeApp, form, post, postForm } from './support.js';

const { app, service } = await fakeApp();
const exr = makeExr();
const png = PNG.sync.write(new PNG({ width: 8, height: 8 }));
const random = Uint8Array.from(
  { length: 5000 },
  (_, index) => (Math.imul(index + 1, 2654435761) >>> 13) & 255,
);
const frame = ['frame', exr] as const;
const FORM = { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` };

afterAll(async () => {
  const answer = await app.inject(post(exr));
  expect(answer.statusCode).toBe(200);
  expect(service.running).toBe(0);
});

function formText(...lines: string[]): Buffer {
  return Buffer.from(lines.join('\r\n'));
}

describe('a body that is no good frame', () => {
  const cases: [name: string, body: Uint8Array, code: ErrorCode, detail: RegExp][] = [
    ['an empty one', new Uint8Array(), 'empty-body', /OpenEXR file/],
    ['one byte', Uint8Array.of(0x76), 'malformed-exr', /magic/],
    ['random bytes', random, 'malformed-exr', /20000630/],
    ['a PNG', png, 'malformed-exr', /a PNG/],
    ['a file cut in its header', exr.subarray(0, 100), 'malformed-exr', /./],
    ['a file cut in its chunk table', exr.subarray(0, 330), 'malformed-exr', /./],
    ['a file cut in its pixels', exr.subarray(0, exr.length - 50), 'malformed-exr', /./],
    ['a file cut by one byte', exr.subarray(0, exr.length - 1), 'malformed-exr', /./],
    [
      'absurd sizes',
      withDataWindow(exr, { xMin: 0, yMin: 0, xMax: 999_999_999, yMax: 999_999_999 }),
      'too-large',
      /pixels/,
    ],
    [
      'a width beyond int32',
      withDataWindow(exr, { xMin: -(2 ** 31), yMin: 0, xMax: 2 ** 31 - 1, yMax: 11 }),
      'malformed-exr',
      /dataWindow/,
    ],
    [
      'no pixels',
      withDataWindow(exr, { xMin: 0, yMin: 0, xMax: -1, yMax: -1 }),
      'malformed-exr',
      /dataWindow/,
    ],
    ['no colour', makeExr({ channels: ['depth.Z'] }), 'missing-layer', /./],
  ];
  it.each(cases)('%s', async (_name, body, code, detail) => {
    const problem = expectProblem(await app.inject(post(body)), code);
    expect(problem.detail).toMatch(detail);
  });

  it('without a body', async () => {
    expectProblem(await app.inject({ method: 'POST', url: '/v1/denoise' }), 'empty-body');
  });

  it.each(['application/octet-stream', 'text/plain', 'image/png', 'nonsense', ''])(
    'of media type %j',
    async (type) => {
      const answer = await app.inject({
        method: 'POST',
        url: '/v1/denoise',
        headers: { 'content-type': type },
        payload: Buffer.from(exr),
      });
      expect(expectProblem(answer, 'unsupported-media-type').detail).toMatch(/image\/x-exr/);
    },
  );

  it('with a content encoding', async () => {
    const request = post(exr);
    const answer = await app.inject({
      ...request,
      headers: { ...request.headers, 'content-encoding': 'gzip' },
    });
    expect(expectProblem(answer, 'unsupported-media-type').parameter).toBe('content-encoding');
  });

  it('above the limit', async () => {
    const problem = expectProblem(await app.inject(post(new Uint8Array(2 ** 20 + 1))), 'too-large');
    expect(problem.detail).toMatch(/1048576.*1048577/);
  });
});

describe('a form that is no good window', () => {
  const small = makeExr({ width: 15 });
  const cases: [name: string, body: Buffer, code: ErrorCode, about: Record<string, unknown>][] = [
    ['nothing', Buffer.alloc(0), 'empty-body', {}],
    ['no parts', formText(`--${BOUNDARY}--`, ''), 'malformed-body', {}],
    ['another boundary', formText('--other', '', 'x', '--other--', ''), 'malformed-body', {}],
    ['text', Buffer.from('hello'), 'malformed-body', {}],
    ['random bytes', Buffer.from(random), 'malformed-body', {}],
    ['the end missing', form([frame]).subarray(0, -8), 'malformed-body', {}],
    ['the header cut', formText(`--${BOUNDARY}`, 'Content-Dispo'), 'malformed-body', {}],
    ['half of a part', form([frame]).subarray(0, 300), 'malformed-body', {}],
    ['an empty part', form([frame, ['frame', new Uint8Array()]]), 'empty-body', { frame: 'frame[1]' }],
    ['an unknown part', form([frame, ['roughness', exr]]), 'unknown-parameter', { parameter: 'roughness' }],
    [
      'an unknown part first',
      form([['__proto__', exr], frame]),
      'unknown-parameter',
      { parameter: '__proto__' },
    ],
    [
      'eight frames',
      form(Array.from({ length: 8 }, () => frame)),
      'malformed-body',
      { detail: /1 to 7 frame/ },
    ],
    ['one half', form([['half_a', exr]]), 'malformed-body', { detail: /0 frame, 1 half_a, 0 half_b/ }],
    ['a half and a frame', form([['half_a', exr], frame]), 'malformed-body', {}],
    [
      'forty parts',
      form(Array.from({ length: 40 }, () => frame)),
      'malformed-body',
      { detail: /at most 39/ },
    ],
    ['two maps', form([frame, ['lambda', exr], ['lambda', exr]]), 'malformed-body', { detail: /2 lambda/ }],
    ['two guides', form([frame, ['guide', exr], ['guide', exr]]), 'malformed-body', { detail: /2 guide/ }],
    ['a map alone', form([['lambda', exr]]), 'malformed-body', { detail: /1 to 7 frame/ }],
    [
      'halves of another size than the frames',
      form([frame, ['half_a', small], ['half_b', small]]),
      'mismatched-frames',
      { frame: 'half_a' },
    ],
    [
      'three halves',
      form([
        ['half_a', exr],
        ['half_b', exr],
        ['half_b', exr],
      ]),
      'malformed-body',
      {},
    ],
    [
      'halves of two sizes',
      form([
        ['half_a', exr],
        ['half_b', small],
      ]),
      'mismatched-frames',
      { frame: 'half_b', detail: /16x12 pixels.*15x12/ },
    ],
    [
      'frames of two sizes',
      form([frame, frame, ['frame', small]]),
      'mismatched-frames',
      { frame: 'frame[2]' },
    ],
    ['a damaged neighbor', form([frame, ['frame', random]]), 'malformed-exr', { frame: 'frame[1]' }],
    [
      'a field without a file',
      formText(
        `--${BOUNDARY}`,
        'Content-Disposition: form-data; name="frame"',
        '',
        'text',
        `--${BOUNDARY}--`,
        '',
      ),
      'malformed-exr',
      { frame: 'frame[0]' },
    ],
    [
      'a part without a name',
      formText(`--${BOUNDARY}`, 'Content-Disposition: form-data', '', 'text', `--${BOUNDARY}--`, ''),
      'unknown-parameter',
      {},
    ],
    [
      'a part without a disposition',
      formText(`--${BOUNDARY}`, 'Content-Type: text/plain', '', 'text', `--${BOUNDARY}--`, ''),
      'malformed-body',
      {},
    ],
    [
      'another form inside the form',
      form([
        ['frame', Buffer.from(form([frame]).toString('latin1').replaceAll(BOUNDARY, 'inner'), 'latin1')],
      ]),
      'malformed-exr',
      {},
    ],
    [
      'ten thousand headers',
      formText(
        `--${BOUNDARY}`,
        'Content-Disposition: form-data; name="frame"',
        ...Array.from({ length: 10_000 }, (_, index) => `X-${index}: ${index}`),
        '',
        'text',
        `--${BOUNDARY}--`,
        '',
      ),
      'malformed-exr',
      {},
    ],
  ];
  it.each(cases)('%s', async (_name, body, code, about) => {
    const problem = expectProblem(await app.inject(postForm(body)), code);
    for (const [key, value] of Object.entries(about)) {
      if (value instanceof RegExp) expect(problem[key]).toMatch(value);
      else expect(problem[key]).toBe(value);
    }
  });

  it.each(['multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=""'])(
    'as %s',
    async (type) => {
      const answer = await app.inject({ ...postForm(form([frame])), headers: { 'content-type': type } });
      expectProblem(answer, 'malformed-body');
    },
  );

  it('as multipart/mixed', async () => {
    const headers = { 'content-type': `multipart/mixed; boundary=${BOUNDARY}` };
    expectProblem(await app.inject({ ...postForm(form([frame])), headers }), 'unsupported-media-type');
  });

  it('above the limit', async () => {
    const answer = await app.inject(postForm(form([frame, ['frame', new Uint8Array(2 ** 20)]])));
    expectProblem(answer, 'too-large');
  });

  it('survives what it is followed by', async () => {
    const body = Buffer.concat([Buffer.from('before\r\n'), form([frame]), Buffer.alloc(5000, 'after')]);
    expect((await app.inject({ ...postForm(body), headers: FORM })).statusCode).toBe(200);
  });
});

describe('a query that is no good', () => {
  const cases: [query: string, code: ErrorCode, parameter: string][] = [
    ...[
      'abc',
      '0',
      '11',
      'NaN',
      '-1',
      '1e309',
      '',
      '%20',
      '0.999',
      '10.001',
      'Infinity',
      '1,5',
      '1%00',
      'null',
      '0x1',
      '0b1',
      '+1',
      '%201',
    ].map((value): [string, ErrorCode, string] => [`lambda=${value}`, 'invalid-argument', 'lambda']),
    ['components=diffuse', 'invalid-argument', 'components'],
    ...['', '1,2,3', '1,2,3,0', '-1,0,4,4', '0.5,0,4,4', '0,0,4,4,4'].map(
      (value): [string, ErrorCode, string] => [`region=${value}`, 'invalid-argument', 'region'],
    ),
    ['components=', 'invalid-argument', 'components'],
    ['lambda=1&lambda=1', 'invalid-argument', 'lambda'],
    ['source=blender', 'invalid-argument', 'source'],
    ['source=', 'invalid-argument', 'source'],
    ['alpha=keep', 'invalid-argument', 'alpha'],
    ['layer=', 'invalid-argument', 'layer'],
    ['layer=albedo', 'invalid-argument', 'layer'],
    ['layer=albedo=', 'invalid-argument', 'layer'],
    ['layer=shine=a', 'invalid-argument', 'layer'],
    ['layer=__proto__=a', 'invalid-argument', 'layer'],
    ['layer=albedo=a,albedo=b', 'invalid-argument', 'layer'],
    ['format=tiff', 'invalid-argument', 'format'],
    ['format=constructor', 'invalid-argument', 'format'],
    ['format=exr&format=png', 'invalid-argument', 'format'],
    ['motion=', 'invalid-argument', 'motion'],
    ['motion=to-previous,', 'invalid-argument', 'motion'],
    ['motion=cycles,y-up', 'invalid-argument', 'motion'],
    ['aovs=', 'invalid-argument', 'aovs'],
    ['aovs=a,,b', 'invalid-argument', 'aovs'],
    [`aovs=${'a,'.repeat(64)}a`, 'invalid-argument', 'aovs'],
    ['outputs=colour', 'invalid-argument', 'outputs'],
    ['outputs=color,samples', 'invalid-argument', 'budget'],
    ['outputs=samples&budget=0', 'invalid-argument', 'budget'],
    ['outputs=samples&budget=0x10', 'invalid-argument', 'budget'],
    ['outputs=samples&budget=2&min=3', 'invalid-argument', 'budget'],
    ['outputs=samples&budget=2&max=1', 'invalid-argument', 'budget'],
    ['outputs=samples&budget=2&tile=0', 'invalid-argument', 'tile'],
    ['outputs=samples&budget=2&metric=psnr', 'invalid-argument', 'metric'],
    ['target-smape=1', 'invalid-argument', 'target-smape'],
    ['target-smape=-1', 'invalid-argument', 'target-smape'],
    ['spp=0', 'invalid-argument', 'spp'],
    ['upscale=0.9', 'invalid-argument', 'upscale'],
    ['upscale=4.1', 'invalid-argument', 'upscale'],
    ['upscale=1e9', 'invalid-argument', 'upscale'],
    ['upscale=NaN', 'invalid-argument', 'upscale'],
    ['upscale=', 'invalid-argument', 'upscale'],
    ['deblur=0', 'invalid-argument', 'deblur'],
    ['deblur=yes', 'invalid-argument', 'deblur'],
    ['strength=-1', 'invalid-argument', 'strength'],
    ['strength=4.5', 'invalid-argument', 'strength'],
    ['center=-1', 'invalid-argument', 'center'],
    ['center=1', 'invalid-argument', 'center'],
    ['center=1.0', 'invalid-argument', 'center'],
    ['center=7', 'invalid-argument', 'center'],
    ['model=unet', 'unknown-model', 'model'],
    ['model=kpcn@3', 'unknown-model', 'model'],
    ['model=kpcn@', 'unknown-model', 'model'],
    ['model=..%2f..%2fetc%2fpasswd', 'unknown-model', 'model'],
    ['Lambda=1', 'unknown-parameter', 'Lambda'],
    ['sharpness=1', 'unknown-parameter', 'sharpness'],
    ['__proto__=1', 'unknown-parameter', '__proto__'],
    ['constructor=1', 'unknown-parameter', 'constructor'],
    ['toString', 'unknown-parameter', 'toString'],
    [`${'x'.repeat(3000)}=1`, 'unknown-parameter', 'x'.repeat(80)],
  ];
  it.each(cases)('%s', async (query, code, parameter) => {
    const problem = expectProblem(await app.inject(post(exr, `/v1/denoise?${query}`)), code);
    expect(problem.parameter).toBe(parameter);
    expect(problem.detail).toContain('Expected ');
    // The names of all parameters, and a part of what came.
    expect(problem.detail?.length).toBeLessThan(400);
  });

  it.each([
    'text/html',
    'image/jpeg',
    'image/x-exr;q=0',
    'application/xml, text/*',
    'image/x-exr;q=0, */*;q=0',
  ])('Accept: %s', async (accept) => {
    const request = post(exr);
    const answer = await app.inject({ ...request, headers: { ...request.headers, accept } });
    expect(expectProblem(answer, 'not-acceptable').parameter).toBe('accept');
  });
});

describe('a path that is no good', () => {
  it.each(['/nothing', '/v1', '/v1/denoise/', '/v1/denoise/..', '/healthz', '//', '/v1/models/a/b'])(
    '%s',
    async (url) => {
      expectProblem(await app.inject({ method: 'GET', url }), 'not-found', undefined);
      expectProblem(await app.inject({ ...post(exr), url }), 'not-found', undefined);
    },
  );

  it('with a broken escape', async () => {
    expectProblem(await app.inject({ method: 'GET', url: '/v1/models/%E0%A4%A' }), 'malformed-request');
  });

  it('of a model that is not there', async () => {
    const answer = await app.inject({ method: 'GET', url: '/v1/models/unet' });
    expectProblem(answer, 'unknown-model', '/v1/models/{name}');
    const long = await app.inject({ method: 'GET', url: `/v1/models/${'x'.repeat(5000)}` });
    expectProblem(long, 'not-found', '/v1/models/{name}');
  });

  it.each([
    ['GET', '/v1/denoise', 'POST'],
    ['HEAD', '/v1/denoise', 'POST'],
    ['PUT', '/v1/denoise', 'POST'],
    ['DELETE', '/v1/models/kpcn', 'GET, HEAD'],
    ['POST', '/healthz/ready', 'GET, HEAD'],
    ['OPTIONS', '/', 'GET, HEAD'],
  ] as const)('%s %s', async (method, url, allow) => {
    const body =
      method === 'GET' || method === 'HEAD'
        ? {}
        : { headers: { 'content-type': 'application/json' }, payload: '{' };
    const answer = await app.inject({ method, url, ...body });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    if (method !== 'HEAD') expectProblem(answer, 'method-not-allowed');
  });
});
