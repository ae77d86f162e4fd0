import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { PNG } from 'pngjs';
import { afterAll, describe, expect, it } from 'vitest';
import { readExr } from '../../src/exr/read-exr.js';
import { PictureFilter } from '../../src/files/filter/filter-picture.js';
import { buildApp } from '../../src/server/app.js';
import { makeExr } from '../support/exr-files.js';
import { scatter } from '../support/random.js';
import { CONFIG, expectProblem, FakeService, fakeApp } from './support.js';

const models = fileURLToPath(new URL('../../models', import.meta.url));
const filter = await PictureFilter.open(models);
const service = new FakeService();
const app = await buildApp({ ...service.deps, filter: filter.filter }, CONFIG);
afterAll(async () => {
  await app.close();
  await Promise.all([filter.close(), service.pool.close()]);
});

const [WIDTH, HEIGHT] = [40, 32];
const png = new PNG({ width: WIDTH, height: HEIGHT });
for (let i = 0; i < png.data.length; i++) {
  png.data[i] = i % 4 === 3 ? 255 : 128 + 60 * (scatter((i + 1) * 12.9898) - 0.5);
}
const photo = PNG.sync.write(png, { colorType: 2 });

function post(query: string, payload: Uint8Array = photo, type = 'image/png') {
  return app.inject({
    ...{ method: 'POST', url: `/v1/filter?${query}`, payload: Buffer.from(payload) },
    headers: { 'content-type': type },
  });
}

describe('POST /v1/filter', () => {
  it.each(['nlm', 'bilateral', 'gaussian', 'deblur'])('answers a PNG that %s has filtered', async (name) => {
    const answer = await post(`with=${name}`);
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'image/png']);
    const { width, height, data } = PNG.sync.read(answer.rawPayload);
    expect([width, height]).toEqual([WIDTH, HEIGHT]);
    expect(data.equals(png.data)).toBe(false);
    expect(Number(answer.headers['quietframe-sigma'])).toBeGreaterThan(0.01);
  });

  it('magnifies', async () => {
    const { width } = PNG.sync.read((await post('with=upscale&factor=1.5')).rawPayload);
    expect(width).toBe(60);
  });

  it('answers an OpenEXR file with one', async () => {
    const answer = await post('with=nlm&sigma=0.5', makeExr(), 'image/x-exr');
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'image/x-exr']);
    expect([...(readExr(answer.rawPayload).parts[0]?.planes.keys() ?? [])]).toContain('depth.Z');
  });

  it('gives parameters out and takes them back by their digest', async () => {
    const parameters = (await post('with=nlm&outputs=parameters')).rawPayload;
    expect([...(readExr(parameters).parts[0]?.planes.keys() ?? [])]).toEqual([
      'parameters.non-local-means.multiplier',
    ]);
    const digest = createHash('sha256').update(parameters).digest('hex');
    expectProblem(await post(`with=nlm&parameters=${digest}`), 'not-found', '/v1/filter');
    await app.inject({
      ...{ method: 'PUT', url: `/v1/frames/${digest}`, payload: parameters },
      headers: { 'content-type': 'image/x-exr' },
    });
    const [again, direct] = [await post(`with=nlm&parameters=${digest}`), await post('with=nlm')];
    expect(again.rawPayload.equals(direct.rawPayload)).toBe(true);
  });

  it.each([
    ['', 'with'],
    ['with=median', 'with'],
    ['with=nlm&sigma=-1', 'sigma'],
    ['with=nlm&blur=1', 'blur'],
    ['with=upscale&factor=9', 'factor'],
    ['with=nlm&global=1', 'global'],
    ['with=nlm&outputs=color', 'outputs'],
    ['with=nlm&strength=x', 'strength'],
    ['with=nlm&with=nlm', 'with'],
  ])('refuses %s', async (query, parameter) => {
    expect(expectProblem(await post(query), 'invalid-argument', '/v1/filter').parameter).toBe(parameter);
  });

  it('refuses other parameters, types and files', async () => {
    expectProblem(await post('with=nlm&lambda=2'), 'unknown-parameter', '/v1/filter');
    expectProblem(await post('with=nlm', photo, 'application/json'), 'unsupported-media-type', '/v1/filter');
    expectProblem(await post('with=nlm', photo.subarray(0, 300)), 'invalid-argument', '/v1/filter');
    expectProblem(await post('with=nlm', photo, 'image/x-exr'), 'malformed-exr', '/v1/filter');
    const denoise = { method: 'POST', url: '/v1/denoise', payload: photo } as const;
    const answer = await app.inject({ ...denoise, headers: { 'content-type': 'image/png' } });
    expectProblem(answer, 'unsupported-media-type', '/v1/denoise');
  });

  it('is not there without a bundle of filters', async () => {
    const { app: bare } = await fakeApp();
    const request = { method: 'POST', url: '/v1/filter?with=nlm', payload: photo } as const;
    const answer = await bare.inject({ ...request, headers: { 'content-type': 'image/png' } });
    expectProblem(answer, 'not-implemented', '/v1/filter');
  });
});
