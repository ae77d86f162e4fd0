import { expect, it } from 'vitest';
import { ExrPool } from '../../src/exr/exr-pool.js';
import { frameMemory } from '../../src/server/frame-memory.js';
import { expectProblem, fakeApp, makeExr, post } from './support.js';

const pool = new ExrPool();
const header = (bytes: Uint8Array) => pool.header(bytes);

it('follows the formula', () => {
  const exr = makeExr({ width: 100, height: 50, channels: ['B', 'G', 'R'] });
  const of = (files: object, query = {}): number =>
    frameMemory({ files: { exr, frameName: 'f', ...files }, frames: 1, center: 0 }, query, header);
  const planes = (decoded: number, channels: number, radiance: number): number =>
    4 * 5000 * (2 * decoded * channels + (4 / 3) * (3 * radiance + 9) + 3 * radiance);
  expect(of({})).toBe(Math.ceil(planes(1, 3, 4) + 2 * exr.length));
  expect(of({ halves: [exr, exr] })).toBe(Math.ceil(planes(2, 3, 4) + 4 * exr.length));
  const window = 5000 * (2 * 139 + 2 * 48 + 11);
  expect(of({ neighbours: [{ exr, offset: 1 }] })).toBe(Math.ceil(planes(2, 3, 4) + window + 3 * exr.length));
  const full = [-3, -2, -1, 1, 2, 3].map((offset) => ({ exr, offset }));
  // On a device the features of all frames are more than those of two on the CPU.
  const fullWindow = 5000 * (7 * 43 + 7 * 48 + 6 * 11);
  expect(of({ neighbours: full })).toBe(Math.ceil(planes(7, 3, 4) + fullWindow + 8 * exr.length));
  expect(of({}, { aovs: ['a', 'b'] })).toBe(Math.ceil(planes(1, 3, 10) + 2 * exr.length));
  expect(of({}, { upscale: 2 })).toBe(Math.ceil(planes(1, 3, 4) + 4 * 5000 * 4 * 2 * 7 + 2 * exr.length));
  const maps = { outputs: ['color', 'error'] };
  expect(of({}, { maps })).toBe(Math.ceil(planes(1, 3, 4) + 5000 * 24 + 2 * exr.length));
  expect(of({}, { maps: { outputs: ['color'] } })).toBe(of({}));
  expect(of({}, { aovs: 'all' })).toBe(Math.ceil(planes(1, 3, 7) + 2 * exr.length));
});

it('refuses what never fits before the work begins', async () => {
  const { app, service } = await fakeApp({ frameMemoryBytes: 100_000 });
  expect((await app.inject(post(makeExr({ width: 8, height: 8 })))).statusCode).toBe(200);
  expectProblem(await app.inject(post(makeExr({ width: 100, height: 50 }))), 'too-large');
  expect(service.requests).toHaveLength(1);
});
