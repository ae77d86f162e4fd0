import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import type { ModelSummary } from '../../../src/denoise/types.js';
import { ModelRepository } from '../../../src/engine/model-repository.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { boxHeight, boxWidth } from '../../../src/image/image.js';
import { frameMemory } from '../../../src/server/queue/frame-memory.js';
import { fixture } from '../../exr/fixtures.js';
import { makeExr } from '../../support/exr-files.js';
import { expectProblem, fakeApp, post } from '../support.js';

const pool = new ExrPool();
const header = (bytes: Uint8Array) => ({ ...pool.header(bytes), length: bytes.length });

const repository = await ModelRepository.open(fileURLToPath(new URL('../../../models', import.meta.url)));
const MODELS = repository.bundles.map(({ manifest }): ModelSummary => ({ ...manifest, device: 'cpu' }));
/** Bytes a pixel of all levels of kpcn@2, with F = 32 and C = E = 8. */
const FEATURES = 4 * (4 / 3) * (32 / 4 + 8 + 2 + 8);
const DEVICE_FEATURES = 4 * (4 / 3) * (32 / 4);
const MOTION = 4 * (4 / 3) * 2;

it('follows the formula', () => {
  const exr = makeExr({ width: 100, height: 50, channels: ['B', 'G', 'R'] });
  const of = (files: object, query = {}): number =>
    frameMemory(
      { exr, frameName: 'f', ...files },
      { wrap: 'none', prefilter: 'off', ...query },
      header,
      MODELS,
    );
  // The whole file is one row of chunks of the codec, whose work is on eight of them.
  const band = 8 * 100 * 16 * 4 * 3;
  const planes = (decoded: number, channels: number, radiance: number): number =>
    4 * 5000 * (2 * decoded * channels + (4 / 3) * (3 * radiance + 9) + 3 * radiance);
  const bytes = (files: number): number => band + (files + 2) * exr.length;
  expect(of({})).toBe(Math.ceil(planes(1, 3, 4) + bytes(1)));
  expect(of({ halves: [exr, exr] })).toBe(Math.ceil(planes(2, 3, 4) + bytes(3)));
  const window = 5000 * (2 * FEATURES + 2 * 48 + MOTION);
  expect(of({ neighbors: [{ exr, offset: 1 }] })).toBe(Math.ceil(planes(2, 3, 4) + window + bytes(2)));
  // Frames that wrap, or may, have copies with 96 columns more at each side, and two with a window.
  const wide = 4 * 50 * (100 + 2 * 96);
  const copies = (decoded: number): number => wide * (decoded * 3 + (4 / 3) * (3 * 4 + 9) + 3 * 4);
  for (const wrap of ['auto', 'x'])
    expect(of({}, { wrap })).toBe(Math.ceil(copies(1) + planes(1, 3, 4) + bytes(1)));
  const wideWindow = window + (wide / 4) * (2 * FEATURES + 2 * 48 + MOTION);
  expect(of({ neighbors: [{ exr, offset: 1 }] }, { wrap: 'x' })).toBe(
    Math.ceil(copies(2) + planes(2, 3, 4) + wideWindow + bytes(2)),
  );
  const full = [-3, -2, -1, 1, 2, 3].map((offset) => ({ exr, offset }));
  // On a device the features of all frames are more than those of two on the CPU.
  const fullWindow = 5000 * (7 * DEVICE_FEATURES + 7 * 48 + 6 * MOTION);
  expect(of({ neighbors: full })).toBe(Math.ceil(planes(7, 3, 4) + fullWindow + bytes(7)));
  expect(of({}, { aovs: ['a', 'b'] })).toBe(Math.ceil(planes(1, 3, 10) + bytes(1)));
  const magnified = 4 * 5000 * (3 + 4 * (3 * 3 + 2 * 4));
  expect(of({}, { upscale: 2 })).toBe(Math.ceil(planes(1, 3, 4) + magnified + bytes(1)));
  const guide = 4 * 2 * 5000 * 3;
  expect(of({ guide: exr }, { upscale: 2 })).toBe(Math.ceil(planes(1, 3, 4) + magnified + guide + bytes(2)));
  expect(of({ lambdaMap: exr })).toBe(Math.ceil(planes(1, 3, 4) + 8 * 5000 + bytes(2)));
  const maps = { outputs: ['color', 'error'] };
  expect(of({}, { maps })).toBe(Math.ceil(planes(1, 3, 4) + 5000 * 24 + bytes(1)));
  expect(of({}, { maps: { outputs: ['color'] } })).toBe(of({}));
  expect(of({}, { aovs: 'all' })).toBe(Math.ceil(planes(1, 3, 7) + bytes(1)));
  for (const prefilter of ['auto', 'on', undefined]) {
    expect(of({}, { prefilter })).toBe(Math.ceil(planes(1, 3, 4) + 5000 * 64 + bytes(1)));
  }
  const auxiliaries = { maps: { outputs: ['auxiliaries'] } };
  expect(of({}, auxiliaries)).toBe(Math.ceil(planes(1, 3, 4) + 5000 * 24 + bytes(1)));
});

it('counts what channels that are kept take in the codec', () => {
  const of = (channels: number): number => {
    const names = ['B', 'G', 'R', ...Array.from({ length: channels }, (_, i) => `a.${i}`)];
    const exr = makeExr({ width: 64, height: 64, channels: names, value: () => 0 });
    return frameMemory({ exr, frameName: 'f' }, {}, header, MODELS);
  };
  expect(of(1000) - of(500)).toBeGreaterThan(8 * 500 * 64 * 16 * 4);
});

it('counts what a lossy compression grows to', () => {
  const lossy = fixture('tiled-dwaa.exr');
  const { parts } = header(lossy);
  const samples = parts.flatMap(({ dataWindow, channels }) =>
    channels.map(({ type }) => boxWidth(dataWindow) * boxHeight(dataWindow) * (type === 'half' ? 2 : 4)),
  );
  const lossless = (bytes: Uint8Array) => ({
    ...header(bytes),
    parts: parts.map((part) => ({ ...part, compression: 'zip' as const })),
  });
  const files = { exr: lossy, frameName: 'f' };
  const grown = frameMemory(files, {}, header, MODELS) - frameMemory(files, {}, lossless, MODELS);
  expect(grown).toBe(samples.reduce((sum, each) => sum + each, 0));
});

it('refuses what never fits before the work begins', async () => {
  const { app, service } = await fakeApp({ frameMemoryBytes: 100_000 });
  expect((await app.inject(post(makeExr({ width: 8, height: 8 })))).statusCode).toBe(200);
  expectProblem(await app.inject(post(makeExr({ width: 100, height: 50 }))), 'too-large');
  expect(service.requests).toHaveLength(1);
});

it('counts the kernels of a single frame that are predicted again', () => {
  const exr = makeExr({ width: 100, height: 50, channels: ['B', 'G', 'R'] });
  const of = (query: object) => frameMemory({ exr, frameName: 'f' }, query, header, MODELS);
  expect(of({ maps: { outputs: ['kernels'] }, wrap: 'none' }) - of({ wrap: 'none' })).toBeCloseTo(
    5000 * (14 + FEATURES),
    -1,
  );
});
