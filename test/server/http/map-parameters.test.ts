import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/errors.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, post } from '../support.js';

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

  it.each(['smape', 'dssim', 'relative-mse', 'relative-variance', 'ms-dssim'])(
    'asks for %s',
    async (metric) => {
      const query = `budget=2&metric=${metric}&weighting=error&min-layer=least&max-layer=most`;
      const answer = await app.inject(post(exr, `/v1/sample-map?${query}`));
      expect(answer.statusCode).toBe(200);
      expect(service.requests.at(-1)).toMatchObject({
        maps: { metric, weighting: 'error', minLayer: 'least', maxLayer: 'most' },
      });
    },
  );

  it.each<[string, ErrorCode, string]>([
    ['budget=2&metric=mse', 'invalid-argument', 'metric'],
    ['budget=2&weighting=all', 'invalid-argument', 'weighting'],
    ['budget=2&min-layer=', 'invalid-argument', 'min-layer'],
    ['loop={"version":1,"budgetSpp":64}&budget=4', 'invalid-argument', 'budget'],
    ['loop={"version":1,"budgetSpp":64}&spp=4', 'invalid-argument', 'spp'],
    ['loop={"version":1,"budgetSpp":-64}', 'invalid-argument', 'loop.budgetSpp'],
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
    // What maps know nothing of.
    ['budget=2&alpha=denoise', 'invalid-argument', 'alpha'],
    ['budget=2&components=split', 'invalid-argument', 'components'],
    ['budget=2&aovs=all', 'invalid-argument', 'aovs'],
    ['budget=2&upscale=2', 'invalid-argument', 'upscale'],
    ['budget=2&deblur=auto', 'invalid-argument', 'deblur'],
    ['budget=2&region=0,0,4,4', 'invalid-argument', 'region'],
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
  it.each([
    'budget=8',
    'min=1',
    'max=9',
    'tile=8',
    'metric=dssim',
    'weighting=error',
    'min-layer=a',
    'loop={"version":1,"budgetSpp":64}',
  ])('refuses %s without a sample map', async (given) => {
    for (const path of ['/v1/denoise', '/v1/jobs'] as const) {
      for (const outputs of ['', '&outputs=color,error', '&target-smape=0.1']) {
        const problem = expectProblem(
          await app.inject(post(exr, `${path}?${given}${outputs}`)),
          'invalid-argument',
          path,
        );
        expect(problem.parameter).toBe(given.split('=')[0]);
        expect(problem.detail).toContain('nothing with outputs without samples');
      }
    }
  });

  it.each(['aovs=all', 'alpha=denoise', 'upscale=2', 'outputs=color,error'])(
    'refuses a region with %s',
    async (given) => {
      const answer = await app.inject(post(exr, `/v1/denoise?region=0,0,4,4&${given}`));
      expectProblem(answer, 'invalid-argument', '/v1/denoise');
    },
  );

  it('takes samples per pixel for variance layers as well as for maps', async () => {
    expect((await app.inject(post(exr, '/v1/denoise?spp=4.5'))).statusCode).toBe(200);
    expect(service.requests.at(-1)).toMatchObject({ samplesPerPixel: 4.5 });
  });

  it('takes outputs', async () => {
    expect((await app.inject(post(exr, '/v1/denoise?outputs=color,error,samples&budget=8'))).statusCode).toBe(
      200,
    );
    expect(service.requests.at(-1)).toMatchObject({
      ...{ maps: { outputs: ['color', 'error', 'samples'], budgetSpp: 8 } },
    });
  });
});
