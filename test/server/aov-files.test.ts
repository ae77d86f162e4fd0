import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readHeader } from '../../src/exr/header.js';
import { readExr } from '../../src/exr/read-exr.js';
import { resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import { exrFile, WINDOW } from '../support/exr-files.js';
import { expectProblem, fakeApp, form, postForm } from './support.js';

const { app, service } = await fakeApp();
const file = (layer: string, seed: number, window = WINDOW): Uint8Array =>
  exrFile([{ layers: [layer], window }], (_, i) => seed + i / 100);
const beauty = file('RGB', 1);
const albedo = file('RGB', 0);
const normal = file('RGB', 0.5);
const rolesOf = (exr: Uint8Array | undefined) =>
  Object.keys(resolveLayers(readHeader(exr ?? new Uint8Array()).parts).layers);
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

describe('layers in files of their own', () => {
  it('are parts of a form, and the answer is the file of the colour', async () => {
    const parts = form([
      ['frame', beauty],
      ['albedo', albedo],
      ['normal', normal],
      ['motion_vectors', file('RG', 0)],
      ['variance', file('RGB', 0.1)],
    ]);
    const answer = await app.inject(postForm(parts));
    expect(answer.statusCode).toBe(200);
    const exr = service.requests.at(-1)?.exr;
    expect(rolesOf(exr)).toEqual(['color', 'albedo', 'normal', 'motion']);
    const result = readExr(answer.rawPayload);
    expect(result.parts.map(({ name, planes }) => [name, planes.size])).toEqual([['', 3]]);
    expect(result.parts[0]?.planes.get('R')?.data[0]).toBeCloseTo(0.5);
  });

  it('go with each frame of a window, and with both halves of its center', async () => {
    const parts = form([
      ...[1, 2, 3].map((seed) => ['frame', file('RGB', seed)] as const),
      ...[4, 5, 6].map((seed) => ['albedo', file('RGB', seed)] as const),
      ['half_a', file('RGB', 2.1)],
      ['half_b', file('RGB', 1.9)],
    ]);
    expect((await app.inject(postForm(parts))).statusCode).toBe(200);
    const { exr, neighbors = [], halves = [] } = service.requests.at(-1) ?? {};
    const first = (bytes: Uint8Array | undefined) =>
      [...readExr(bytes ?? new Uint8Array()).parts].map(({ planes }) => planes.get('R')?.data[0]);
    expect(first(exr)).toEqual([2, 5]);
    expect(neighbors.map((each) => first(each.exr))).toEqual([
      [1, 4],
      [3, 6],
    ]);
    expect(halves.map((half) => first(half)[1])).toEqual([5, 5]);
  });

  it('are named by digest like frames', async () => {
    for (const bytes of [beauty, albedo]) {
      const url = `/v1/frames/${digest(bytes)}`;
      const headers = { 'content-type': 'image/x-exr' };
      expect(
        (await app.inject({ method: 'PUT', url, headers, payload: Buffer.from(bytes) })).statusCode,
      ).toBe(201);
    }
    const json = (payload: object) =>
      app.inject({
        method: 'POST',
        url: '/v1/denoise',
        headers: { 'content-type': 'application/json' },
        payload,
      });
    expect((await json({ frames: [digest(beauty)], albedo: digest(albedo) })).statusCode).toBe(200);
    expect(rolesOf(service.requests.at(-1)?.exr)).toEqual(['color', 'albedo']);
    const missing = await json({ frames: [digest(beauty)], normal: [digest(normal)] });
    expectProblem(missing, 'missing-frames', '/v1/denoise');
    expect(missing.json().missing).toEqual([digest(normal)]);
    expectProblem(await json({ frames: [digest(beauty)], albedo: 7 }), 'invalid-argument', '/v1/denoise');
  });

  it('are no fields of a job of digests', async () => {
    const headers = { 'content-type': 'application/json' };
    const payload = { frames: [digest(beauty)], albedo: digest(albedo) };
    const problem = await app.inject({ method: 'POST', url: '/v1/jobs', headers, payload });
    expectProblem(problem, 'malformed-body', '/v1/jobs');
    expect(problem.json().detail).toContain('parts of a form');
  });

  it('go with the form of a job', async () => {
    const parts = form([
      ['frame', beauty],
      ['albedo', albedo],
    ]);
    const accepted = await app.inject(postForm(parts, '/v1/jobs'));
    expect(accepted.statusCode).toBe(202);
    const { location } = accepted.headers;
    for (let state = ''; state !== 'done'; ) {
      ({ state } = (await app.inject(String(location))).json());
      expect(['queued', 'running', 'done']).toContain(state);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(rolesOf(service.requests.at(-1)?.exr)).toEqual(['color', 'albedo']);
    const result = await app.inject({ url: `${location}/result`, headers: { accept: 'image/x-exr' } });
    expect(readExr(result.rawPayload).parts).toHaveLength(1);
  });

  it.each<[string, readonly (readonly [string, Uint8Array])[], 'malformed-body' | 'malformed-exr']>([
    [
      'of other numbers than the frames',
      [
        ['frame', beauty],
        ['frame', beauty],
        ['albedo', albedo],
      ],
      'malformed-body',
    ],
    [
      'that are damaged',
      [
        ['frame', beauty],
        ['albedo', albedo.subarray(0, 99)],
      ],
      'malformed-exr',
    ],
  ])('%s are refused, naming the part', async (_, parts, code) => {
    const problem = await app.inject(postForm(form(parts)));
    expectProblem(problem, code, '/v1/denoise');
    expect(problem.json().frame).toBe('albedo');
  });
});
