import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.js';
import { expectProblem, fakeApp, makeExr, post } from './support.js';

const { app, service } = await fakeApp();
const exr = makeExr();

describe('POST /v1/sample-map', () => {
  it('asks for maps alone', async () => {
    const answer = await app.inject(
      post(exr, '/v1/sample-map?budget=16.5&min=1&max=64&metric=dssim&tile=8&spp=4&target-smape=0.02'),
    );
    expect(answer.statusCode).toBe(200);
    expect(answer.headers['content-type']).toBe('image/x-exr');
    expect(service.requests.at(-1)).toMatchObject({
      mapsOnly: true,
      maps: {
        ...{ outputs: ['error', 'samples'], budgetSpp: 16.5, minSpp: 1, maxSpp: 64, metric: 'dssim' },
        ...{ tile: 8, renderedSpp: 4, targetSmape: 0.02 },
      },
    });
  });

  it.each<[string, ErrorCode, string]>([
    ['', 'invalid-argument', 'budget'],
    ['budget=0', 'invalid-argument', 'budget'],
    ['budget=-1', 'invalid-argument', 'budget'],
    ['budget=NaN', 'invalid-argument', 'budget'],
    ['budget=1e9', 'invalid-argument', 'budget'],
    ['budget=2&min=4', 'invalid-argument', 'budget'],
    ['budget=2&min=1.5', 'invalid-argument', 'min'],
    ['budget=2&max=0', 'invalid-argument', 'max'],
    ['budget=2&budget=3', 'invalid-argument', 'budget'],
    ['budget=2&outputs=color', 'unknown-parameter', 'outputs'],
    ['budget=2&target-smape=2', 'invalid-argument', 'target-smape'],
  ])('refuses "%s"', async (query, code, parameter) => {
    const problem = expectProblem(
      await app.inject(post(exr, `/v1/sample-map?${query}`)),
      code,
      '/v1/sample-map',
    );
    expect(problem.parameter).toBe(parameter);
  });

  it('has no picture to show', async () => {
    const request = post(exr, '/v1/sample-map?budget=4');
    const answer = await app.inject({ ...request, headers: { ...request.headers, accept: 'image/png' } });
    expect(expectProblem(answer, 'not-acceptable', '/v1/sample-map').parameter).toBe('accept');
  });
});

describe('POST /v1/denoise', () => {
  it('takes outputs', async () => {
    expect((await app.inject(post(exr, '/v1/denoise?outputs=color,error,samples&budget=8'))).statusCode).toBe(
      200,
    );
    expect(service.requests.at(-1)).toMatchObject({
      ...{ maps: { outputs: ['color', 'error', 'samples'], budgetSpp: 8 } },
    });
  });
});
