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

/** Sends a file to be kept. */
async function keep(bytes: Uint8Array): Promise<void> {
  const url = `/v1/frames/${digest(bytes)}`;
  const headers = { 'content-type': 'image/x-exr' };
  const { statusCode } = await app.inject({ method: 'PUT', url, headers, payload: Buffer.from(bytes) });
  expect([200, 201, 204]).toContain(statusCode);
}

function postJob(payload: object) {
  const headers = { 'content-type': 'application/json' };
  return app.inject({ method: 'POST', url: '/v1/jobs', headers, payload });
}

/** Waits for a job to end well. */
async function finished(location: string): Promise<void> {
  for (let state = ''; state !== 'done'; ) {
    ({ state } = (await app.inject(location)).json());
    expect(['queued', 'running', 'done']).toContain(state);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

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
    for (const bytes of [beauty, albedo]) await keep(bytes);
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

  it('are named by digest in jobs: of one frame, of windows, and of each frame of a sequence', async () => {
    const files = {
      frames: [1, 2, 3].map((seed) => file('RGB', seed)),
      albedo: [4, 5, 6].map((seed) => file('RGB', seed)),
      normal: [7, 8, 9].map((seed) => file('RGB', seed)),
    };
    for (const bytes of Object.values(files).flat()) await keep(bytes);
    const [first, second] = files.frames.map(digest);
    const [firstAlbedo, secondAlbedo] = files.albedo.map(digest);
    const firstSample = (bytes: Uint8Array | undefined) =>
      readExr(bytes ?? new Uint8Array()).parts.map(({ planes }) => planes.get('R')?.data[0]);
    const seen = async (payload: object): Promise<unknown[]> => {
      const before = service.requests.length;
      const { location } = (await postJob(payload)).headers;
      await finished(String(location));
      return service.requests
        .slice(before)
        .map(({ exr, neighbors = [] }) => [exr, ...neighbors.map((each) => each.exr)].map(firstSample))
        .sort();
    };
    expect(await seen({ frames: [first], albedo: firstAlbedo })).toEqual([[[1, 4]]]);
    expect(
      await seen({ windows: [{ frames: [first, second], center: 1, albedo: [firstAlbedo, secondAlbedo] }] }),
    ).toEqual([
      [
        [2, 5],
        [1, 4],
      ],
    ]);
    const { frames, albedo, normal } = files;
    const sequence = { sequence: frames.map(digest), albedo: albedo.map(digest), normal: normal.map(digest) };
    expect(await seen({ ...sequence, window: 3 })).toEqual([
      [
        [1, 4, 7],
        [2, 5, 8],
      ],
      [
        [2, 5, 8],
        [1, 4, 7],
        [3, 6, 9],
      ],
      [
        [3, 6, 9],
        [2, 5, 8],
      ],
    ]);
  });

  it('are wanted for every frame of a job, inside of windows, and kept', async () => {
    await keep(beauty);
    const frame = digest(beauty);
    const problem = async (payload: object, code: 'malformed-body' | 'missing-frames') => {
      const answer = await postJob(payload);
      expectProblem(answer, code, '/v1/jobs');
      return answer.json();
    };
    const { detail } = await problem({ sequence: [frame, frame], albedo: [frame] }, 'malformed-body');
    expect(detail).toContain('2 (one for each frame)');
    await problem({ windows: [{ frames: [frame] }], albedo: [frame] }, 'malformed-body');
    const unknown = digest(new Uint8Array(3));
    const { missing } = await problem({ sequence: [frame], normal: [unknown] }, 'missing-frames');
    expect(missing).toEqual([unknown]);
  });

  it('go with the form of a job', async () => {
    const parts = form([
      ['frame', beauty],
      ['albedo', albedo],
    ]);
    const accepted = await app.inject(postForm(parts, '/v1/jobs'));
    expect(accepted.statusCode).toBe(202);
    const { location } = accepted.headers;
    await finished(String(location));
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
