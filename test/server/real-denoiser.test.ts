import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { buildApp } from '../../src/server/app.js';
import { expectReport } from '../files/report-schema.js';
import { makeExr } from '../support/exr-files.js';
import { scatter } from '../support/random.js';
import { CONFIG, expectProblem, form, listen, post, postForm } from './support.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../../models', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
const app = await buildApp(
  { denoiseExr: (request) => denoiseExr(request, { pool, denoiser }), pool, denoiser },
  CONFIG,
);
afterAll(async () => {
  await app.close();
  await Promise.all([pool.close(), denoiser.close()]);
});

/** A grey ramp with noise of a fixed pattern around it. */
function noisy(options: { seed?: number; width?: number; nan?: boolean } = {}): Uint8Array {
  const { seed = 1, width = 40, nan = false } = options;
  return makeExr({
    width,
    height: 32,
    value: (index, channel) => {
      if (nan && index === 100 && channel === 'G') return Number.NaN;
      return 0.5 + 0.4 * (scatter(index * 12.9898 * seed + channel.charCodeAt(0)) - 0.5);
    },
  });
}

function plane(bytes: Uint8Array, name: string): Float32Array {
  return Float32Array.from(readExr(bytes).parts[0]?.planes.get(name)?.data ?? []);
}

function spread(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

describe('the service with the model that ships', () => {
  it.each([
    'denoise',
    'denoise?outputs=color,error,fireflies&prefilter=off',
    'denoise?outputs=kernels&pixels=4,4',
    'denoise?model=pkn',
    'denoise?upscale=2&deblur=auto&strength=0.5',
    'denoise?region=0,0,8,8',
    'sample-map?budget=4&spp=8&target-smape=0.01&lambda=2',
  ])('reports on /v1/%s as its schema says', async (operation) => {
    const request = post(noisy(), `/v1/${operation}`);
    const answer = await app.inject({
      ...request,
      headers: { ...request.headers, accept: 'application/json' },
    });
    expect(answer.statusCode).toBe(200);
    expectReport(answer.json());
  });

  it('denoises a frame as the workflow does, to the bit, and twice the same', async () => {
    const exr = noisy();
    const [first, second] = [await app.inject(post(exr)), await app.inject(post(exr))];
    expect(first.statusCode).toBe(200);
    expect(first.rawPayload.equals(second.rawPayload)).toBe(true);
    expect(first.rawPayload.equals((await denoiseExr({ exr }, { pool, denoiser })).exr)).toBe(true);
    expect(plane(first.rawPayload, 'depth.Z')).toEqual(plane(exr, 'depth.Z'));
    expect(spread(plane(first.rawPayload, 'R'))).toBeLessThan(0.5 * spread(plane(exr, 'R')));
  });

  it('takes NaN, answers with finite pixels and counts it', async () => {
    const exr = noisy({ nan: true });
    const request = post(exr);
    const answer = await app.inject(request);
    expect(plane(answer.rawPayload, 'G').every(Number.isFinite)).toBe(true);
    const report = await app.inject({
      ...request,
      headers: { ...request.headers, accept: 'application/json' },
    });
    expect(report.json().sanitized.color).toMatchObject({ notFinite: 1 });
  });

  it('shows fireflies where half buffers tell them from lamps', async () => {
    const withFirefly = makeExr({
      ...{ width: 40, height: 32 },
      value: (index, channel) => (index === 500 && channel !== 'Z' ? 1000 : 0.5 + 0.01 * Math.sin(index)),
    });
    const halves = form([
      ['half_a', withFirefly],
      ['half_b', makeExr({ width: 40, height: 32, value: (index) => 0.5 + 0.01 * Math.cos(index) })],
    ]);
    const request = postForm(halves, '/v1/denoise?outputs=color,fireflies');
    const mask = plane((await app.inject(request)).rawPayload, 'fireflies.mask');
    expect([mask.length, mask.indexOf(1), mask.reduce((sum, value) => sum + value, 0)]).toEqual([
      1280, 500, 1,
    ]);
    const json = { ...request, headers: { ...request.headers, accept: 'application/json' } };
    expect((await app.inject(json)).json()).toMatchObject({ fireflies: 1 });
  });

  it('reads the variance from half buffers', async () => {
    const request = postForm(
      form([
        ['half_a', noisy()],
        ['half_b', noisy({ seed: 2 })],
      ]),
    );
    const report = await app.inject({
      ...request,
      headers: { ...request.headers, accept: 'application/json' },
    });
    expect(report.json()).toMatchObject({ varianceOrigin: 'half-buffers', input: { halfBuffers: true } });
  });

  it('refuses a file without colour, naming the layer', async () => {
    expectProblem(await app.inject(post(makeExr({ channels: ['depth.Z'] }))), 'missing-layer');
  });

  it('is free for others soon after a client has gone', async () => {
    const port = await listen(app);
    const controller = new AbortController();
    const body = Buffer.from(noisy({ width: 400 }));
    const headers = { 'content-type': 'image/x-exr' };
    const url = `http://127.0.0.1:${port}/v1/denoise`;
    const gone = fetch(url, { method: 'POST', headers, body, signal: controller.signal });
    const failed = expect(gone).rejects.toThrow();
    const figure = async (name: string): Promise<string | undefined> =>
      new RegExp(`^${name} (\\d+)$`, 'm').exec((await app.inject('/metrics')).body)?.[1];
    await vi.waitFor(async () => expect(await figure('quietframe_requests_running')).toBe('1'), 10_000);
    controller.abort();
    await failed;
    await vi.waitFor(async () => expect(await figure('quietframe_requests_running')).toBe('0'), 30_000);
    expect((await app.inject(post(noisy()))).statusCode).toBe(200);
  });
});

describe('debug outputs of the service', () => {
  it('answers kernels of pixels with the report', async () => {
    const path = '/v1/denoise?outputs=kernels&pixels=3,4;39,31';
    const answer = await app.inject(post(noisy(), path));
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/json']);
    const { kernels } = answer.json();
    expect(kernels).toHaveLength(2);
    expect(kernels[1]).toMatchObject({ x: 39, y: 31 });
    expect(kernels[0].levels[0].kernel.weights).toHaveLength(21 ** 2);
    for (const format of ['exr', 'png']) {
      const refused = await app.inject(post(noisy(), `${path}&format=${format}`));
      const problem = expectProblem(refused, 'invalid-argument', '/v1/denoise');
      expect([problem.parameter, problem.detail]).toEqual([
        'format',
        expect.stringContaining('one of json, mixed, form'),
      ]);
    }
  });

  it('adds the channels to the file', async () => {
    const answer = await app.inject(post(noisy(), '/v1/denoise?outputs=color,levels,blend-weights'));
    expect(answer.statusCode).toBe(200);
    expect(plane(answer.rawPayload, 'quietframe.level2.B')).toHaveLength(40 * 32);
    expect(plane(answer.rawPayload, 'quietframe.blendWeight.level1')).toHaveLength(40 * 32);
  });

  it.each([
    ['outputs=kernels', 'pixels'],
    ['outputs=levels&pixels=1,2', 'pixels'],
    ['outputs=kernels&pixels=40,0', 'pixels'],
    ['outputs=kernels&pixels=1;2', 'pixels'],
    ['outputs=kernels&pixels=-1,0', 'pixels'],
    [`outputs=kernels&pixels=${Array.from({ length: 65 }, () => '1,1').join(';')}`, 'pixels'],
    ['outputs=levels&components=split', 'outputs'],
  ])('refuses %s', async (query, parameter) => {
    const answer = await app.inject(post(noisy(), `/v1/denoise?${query}`));
    expect(expectProblem(answer, 'invalid-argument', '/v1/denoise').parameter).toBe(parameter);
  });
});
