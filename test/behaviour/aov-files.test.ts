import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { readHeader } from '../../src/exr/header.js';
import { joinFiles } from '../../src/exr/join-files.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { replaceChannels } from '../../src/exr/replace-channels.js';
import { planSource } from '../../src/files/window/planned-source.js';
import { readPlanned } from '../../src/files/window/read-planned.js';
import { buildFrame } from '../../src/frame/build-frame.js';
import { resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import type { FileRole } from '../../src/image/joined-parts.js';
import { FIXTURES, fixture } from '../exr/fixtures.js';
import { exrFile, type PartRecipe, WINDOW } from '../support/exr-files.js';

const file = (layers: readonly string[], base = 0, more: Partial<PartRecipe> = {}): Uint8Array =>
  exrFile(
    [{ layers, ...more }],
    (channel, i) => base + i / 100 + channel.charCodeAt(channel.length - 1) / 1000,
  );
const beauty = file(['RGBA', 'Z']);
const albedo = file(['RGB'], 0.1);
const normal = file(['AVG_SHADING_NORMAL.RGB'], -0.3);
const motion = file(['RG'], 2);
const variance = file(['RGB'], 0.01);
const joined = (files: Partial<Record<FileRole, Uint8Array>>, main = beauty): Uint8Array =>
  joinFiles(main, new Map(Object.entries(files) as [FileRole, Uint8Array][]));
const planOf = (bytes: Uint8Array, options = {}) => resolveLayers(readHeader(bytes).parts, options);
const refusal = (work: () => unknown): Partial<QuietframeError> => {
  try {
    work();
    return {};
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    return error;
  }
};

describe('a frame whose layers came in several files', () => {
  it('has the roles that the files say, whatever their layers are called', () => {
    const plan = planOf(joined({ albedo, normal, motion, colorVariance: variance }), { motion: 'to-next' });
    expect(plan.layers).toEqual({
      color: { part: 0, channels: ['R', 'G', 'B'] },
      albedo: { part: 1, channels: ['R', 'G', 'B'] },
      normal: { part: 2, channels: ['AVG_SHADING_NORMAL.R', 'AVG_SHADING_NORMAL.G', 'AVG_SHADING_NORMAL.B'] },
      depth: { part: 0, channels: ['Z'] },
      motion: { part: 3, channels: ['R', 'G'] },
    });
    expect(plan.variances).toEqual({ colorVariance: { part: 4, channels: ['R', 'G', 'B'], kind: 'mean' } });
    expect(plan.files).toEqual(['albedo', 'normal', 'motion', 'colorVariance']);
    expect(plan.warnings).toEqual([]);
    expect(plan.motionConvention).toBe('to-next');
  });

  it('prefers the file to a layer of the frame, and to none where the request says so', () => {
    const main = file(['RGBA', 'albedo.RGB']);
    expect(planOf(joined({ albedo }, main)).layers.albedo?.part).toBe(1);
    expect(planOf(joined({ albedo }, main), { layers: { albedo: 'none' } }).layers.albedo).toBeUndefined();
  });

  it('takes the layer of a file that a request names, or that goes by the name of the role', () => {
    const several = file(['RGB', 'albedo.RGB', 'Tint.RGB']);
    expect(planOf(joined({ albedo: several })).layers.albedo?.channels[0]).toBe('albedo.R');
    const plan = planOf(joined({ albedo: several }), { layers: { albedo: 'Tint' } });
    expect(plan.layers.albedo?.channels[0]).toBe('Tint.R');
  });

  it.each<[string, Uint8Array, string, RegExp]>([
    [
      'another size',
      file(['RGB'], 0, { window: { ...WINDOW, xMax: 4 } }),
      'mismatched-frames',
      /data window/,
    ],
    [
      'another place',
      file(['RGB'], 0, { window: { xMin: 1, yMin: 0, xMax: 8, yMax: 5 } }),
      'mismatched-frames',
      /data window/,
    ],
    ['no such channels', file(['Q']), 'missing-layer', /RGB or XYZ or Y/],
    ['several layers that may be meant', file(['a.RGB', 'b.RGB']), 'missing-layer', /one layer.*a, b/],
  ])('is refused with %s, naming the file and the layer', (_, other, code, message) => {
    const error = refusal(() => planOf(joined({ albedo: other })));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
    expect(error.details).toMatchObject({ frame: 'albedo', layer: 'albedo' });
  });

  it('is refused where the other file is damaged, naming it', () => {
    const error = refusal(() => joined({ normal: beauty.subarray(0, 100) }));
    expect([error.code, error.details]).toEqual(['malformed-exr', { frame: 'normal' }]);
  });

  it('of two views needs a file with both, unless one is denoised alone', () => {
    const eyes = (name: string, layers: readonly string[]): Uint8Array =>
      exrFile(
        ['left', 'right'].map((view) => ({ name: `${name}_${view}`, view, layers })),
        (_, i) => i,
      );
    const both = joined({ albedo: eyes('a', ['RGB']) }, eyes('rgba', ['RGBA']));
    const single = joined({ albedo }, eyes('rgba', ['RGBA']));
    for (const view of ['left', 'right']) {
      const part = planOf(both, { view }).layers.albedo?.part ?? 0;
      expect(readHeader(both).parts[part]?.view).toBe(view);
      expect(planOf(single, { view }).layers.albedo?.part).toBe(2);
    }
    expect(refusal(() => planOf(single, { view: 'all' })).code).toBe('mismatched-frames');
  });

  it('says nothing of the noise of a guide that both halves share', async () => {
    const pool = new ExrPool({ workers: 1 });
    try {
      const halves = [0, 1].map((seed) => joined({ albedo, normal }, file(['RGBA'], seed / 7)));
      const [a, b] = await Promise.all(halves.map((half) => readPlanned(planSource(pool.open(half)), pool)));
      if (a === undefined) throw new Error('no half');
      const { frame } = buildFrame(a, b);
      expect(frame.varianceOrigin).toBe('half-buffers');
      expect(frame.albedo).toBeDefined();
      expect([frame.albedoVariance, frame.normalVariance]).toEqual([undefined, undefined]);
    } finally {
      await pool.close();
    }
  });
});

describe('joining files', () => {
  let pool: ExrPool;
  beforeAll(() => {
    pool = new ExrPool({ workers: 1 });
  });
  afterAll(() => pool.close());

  it.each(FIXTURES)(
    'is undone where a result of %s is written: nothing but the replaced channel differs',
    (name) => {
      const main = fixture(name);
      const both = joined({ albedo, normal: fixture('multi-part.exr') }, main);
      const header = readHeader(both);
      const [part] = header.parts;
      const channel = part?.channels.find(({ type }) => type !== 'uint')?.name ?? '';
      const data = new Float32Array(readExr(both).parts[0]?.planes.get(channel)?.data.length ?? 0).fill(0.5);
      const replacements = new Map([[0, new Map([[channel, data]])]]);
      expect(replaceChannels(both, header, replacements)).toEqual(
        replaceChannels(main, readHeader(main), replacements),
      );
    },
  );

  it('in a worker makes the same file', async () => {
    const others = new Map([['albedo', albedo] as const]);
    expect(Buffer.from(await pool.join(beauty, others))).toEqual(Buffer.from(joinFiles(beauty, others)));
    await expect(
      pool.join(beauty, new Map([['motion', beauty.subarray(0, 50)] as const])),
    ).rejects.toMatchObject({
      code: 'malformed-exr',
      details: { frame: 'motion' },
    });
  });
});
