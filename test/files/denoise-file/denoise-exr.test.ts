import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { QuietframeError } from '../../../src/errors.js';
import { attributeText } from '../../../src/exr/attribute.js';
import { readHeader } from '../../../src/exr/header.js';
import { ExrPool } from '../../../src/exr/pool.js';
import { readExr } from '../../../src/exr/read-exr.js';
import { denoiseExr } from '../../../src/files/denoise-file/denoise-exr.js';
import type { DenoisedExr, DenoiseExrRequest } from '../../../src/files/denoise-file/types.js';
import { blenderParts, exrFile, type Samples } from '../../support/exr-files.js';
import { StubDenoiser } from '../../support/stub-denoiser.js';
import { tilted } from '../../support/tilted.js';

const pool = new ExrPool();
afterAll(() => pool.close());

function denoise(
  request: DenoiseExrRequest,
  denoiser = new StubDenoiser((value) => value / 2),
): Promise<DenoisedExr> {
  return denoiseExr(request, { pool, denoiser });
}

async function failure(run: Promise<unknown>): Promise<QuietframeError> {
  const error = await run.catch((reason: unknown) => reason);
  if (error instanceof QuietframeError) return error;
  throw new Error('expected a QuietframeError');
}

/** Bits of every channel by `part:name`. */
function bits(exr: Uint8Array): Map<string, string> {
  const entries = readExr(exr).parts.flatMap((part, index) =>
    [...part.planes.values()].map(({ name, data }): [string, string] => [
      `${index}:${name}`,
      Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
    ]),
  );
  return new Map(entries);
}

function expectOnlyChanged(before: Uint8Array, after: Uint8Array, changed: readonly string[]): void {
  const [was, is] = [bits(before), bits(after)];
  expect([...is.keys()]).toEqual([...was.keys()]);
  const different = [...is].filter(([key, value]) => value !== was.get(key)).map(([key]) => key);
  expect(different.sort()).toEqual([...changed].sort());
  const [old, now] = [readHeader(before), readHeader(after)];
  for (const [index, part] of now.parts.entries()) {
    const original = old.parts[index];
    expect([part.name, part.view, part.dataWindow, part.displayWindow, part.channels]).toEqual([
      ...[original?.name, original?.view, original?.dataWindow, original?.displayWindow, original?.channels],
    ]);
    const layout = ['compression', 'lineOrder', 'tiles', 'type', 'chunkCount'];
    for (const [name, value] of original?.attributes ?? []) {
      if (!layout.includes(name)) expect([name, part.attributes.get(name)]).toEqual([name, value]);
    }
    const added = [...part.attributes.keys()].filter((name) => !original?.attributes.has(name));
    expect(added.filter((name) => !name.startsWith('quietframe:'))).toEqual([]);
  }
}

const PASSES = [
  'Combined.RGBA',
  'Denoising Albedo.RGB',
  'Denoising Normal.XYZ',
  'Depth.Z',
  'CryptoObject00.rgba',
];
const color = (part: number, layer: string): string[] =>
  ['R', 'G', 'B'].map((suffix) => `${part}:${layer}.${suffix}`);

function scene(channel: string, i: number): number {
  if (channel.includes('Normal')) return tilted(channel.at(-1) as string, i);
  // Ids of Cryptomatte are any bits, NaN among them.
  if (channel.includes('Crypto') && i === 2) return Number.NaN;
  if (channel.endsWith('.A')) return 1;
  return 0.25 + (i % 11) / 16;
}

const blender = (samples: Samples = scene, passes: readonly string[] = PASSES): Uint8Array =>
  exrFile(
    blenderParts('ViewLayer', passes).map((part) => ({ ...part, attributes: { Camera: 'wide' } })),
    samples,
  );

describe('what is written', () => {
  it('changes the colour of a file of many parts and no other bit', async () => {
    const exr = blender();
    const result = await denoise({ exr });
    expectOnlyChanged(exr, result.exr, color(0, 'ViewLayer.Combined'));
    const red = readExr(result.exr).parts[0]?.planes.get('ViewLayer.Combined.R');
    expect(red?.data[5]).toBeCloseTo(scene('R', 5) / 2, 6);
    expect(result.noisy.data[5]).toBeCloseTo(scene('R', 5), 6);
  });

  it.each([
    ['negative-window.exr', ['0:R', '0:G', '0:B']],
    ['mitsuba.exr', ['0:R', '0:G', '0:B']],
    ['tiled-zip.exr', ['0:R', '0:G', '0:B']],
    ['multi-part.exr', ['0:R', '0:G', '0:B']],
  ])('keeps all else of %s', async (name, changed) => {
    const exr = readFileSync(new URL(`../../exr/fixtures/${name}`, import.meta.url));
    expectOnlyChanged(exr, (await denoise({ exr })).exr, changed);
  });

  it('reads Noisy Image and writes Combined', async () => {
    const exr = blender(
      (channel, i) => (channel.includes('Combined') ? 9 : scene(channel, i)),
      [...PASSES, 'Noisy Image.RGBA'],
    );
    const result = await denoise({ exr });
    expectOnlyChanged(exr, result.exr, color(0, 'ViewLayer.Combined'));
    expect(readExr(result.exr).parts[0]?.planes.get('ViewLayer.Combined.G')?.data[5]).toBeCloseTo(
      scene('G', 5) / 2,
      6,
    );
  });

  it('filters alpha only when asked to', async () => {
    const exr = blender();
    const result = await denoise({ exr, alpha: 'denoise' });
    expectOnlyChanged(exr, result.exr, [...color(0, 'ViewLayer.Combined'), '0:ViewLayer.Combined.A']);
    expect(readExr(result.exr).parts[0]?.planes.get('ViewLayer.Combined.A')?.data[0]).toBe(0.5);
    const opaque = await denoise({ exr, alpha: 'denoise' }, new StubDenoiser((value) => 3 * value));
    expect(readExr(opaque.exr).parts[0]?.planes.get('ViewLayer.Combined.A')?.data[0]).toBe(1);
  });

  it('says in attributes how it was made, and makes the same bytes again', async () => {
    const exr = blender();
    const result = await denoise({ exr, lambda: 1 });
    const attributes = readHeader(result.exr).parts[0]?.attributes ?? new Map();
    const texts = ['model', 'version', 'lambda', 'encoder', 'device', 'source', 'variance'].map((name) =>
      attributeText(attributes.get(`quietframe:${name}`)),
    );
    expect(texts).toEqual(['stub', '3', '1', 'cycles', 'cpu', 'cycles', 'estimated']);
    expect(Buffer.compare((await denoise({ exr, lambda: 1 })).exr, result.exr)).toBe(0);
    const again = await denoise({ exr: result.exr });
    expect(again.report.warnings.map(({ code }) => code)).toContain('already-denoised');
  });

  it('keeps half channels half, limits what does not fit, and counts it', async () => {
    const exr = exrFile(
      [{ layers: ['RGB'] }],
      (channel, i) => (channel === 'R' && i < 2 ? 60000 : 1),
      'half',
    );
    const result = await denoise({ exr }, new StubDenoiser((value) => 2 * value));
    const red = readExr(result.exr).parts[0]?.planes.get('R');
    expect([red?.type, red?.data[0], red?.data[5]]).toEqual(['half', 65504, 2]);
    const warning = result.report.warnings.find(({ code }) => code === 'half-saturated');
    expect(warning?.message).toContain('2 that are brighter');
  });
});

describe('what is read', () => {
  it('makes NaN finite, and counts', async () => {
    const exr = blender((channel, i) =>
      channel.includes('Combined') && i === 7 ? Number.NaN : scene(channel, i),
    );
    const result = await denoise({ exr });
    expect(result.color.data.every(Number.isFinite)).toBe(true);
    expect(result.report.sanitized).toEqual({
      color: { notFinite: 3, negative: 0 },
      alpha: { notFinite: 1, negative: 0 },
    });
  });

  it('takes two files as halves: the mean is denoised, the first file written', async () => {
    const denoiser = new StubDenoiser();
    const exr = blender((channel, i) => scene(channel, i) + 0.125);
    const halfB = blender((channel, i) => scene(channel, i) - 0.125);
    const result = await denoise({ exr, halves: [exr, halfB] }, denoiser);
    expect(result.report.varianceOrigin).toBe('half-buffers');
    expect(denoiser.seen[0]?.frame.colorVariance.data[0]).toBeCloseTo(0.25 ** 2 / 4, 6);
    expect(result.color.data[4]).toBeCloseTo(scene('R', 4), 6);
    expectOnlyChanged(exr, result.exr, color(0, 'ViewLayer.Combined'));
  });

  it('reports what was used as what, and the time of every stage', async () => {
    const { report } = await denoise({ exr: blender() });
    expect(report.input).toMatchObject({
      width: 8,
      height: 6,
      parts: 5,
      source: 'cycles',
      halfBuffers: false,
    });
    expect(report.input.channels).toContainEqual({
      part: 2,
      channel: 'ViewLayer.Denoising Normal.X',
      usedAs: 'normal',
    });
    expect(Object.keys(report.stages)).toEqual(['decode', 'frame', 'network', 'encode']);
    expect(report.warnings).toEqual([]);
  });

  it('passes on the choices of layers', async () => {
    const denoiser = new StubDenoiser((value) => value / 2);
    await denoise({ exr: blender(), layers: { normal: 'none' } }, denoiser);
    expect(denoiser.seen[0]?.frame.normal).toBeUndefined();
    expect(denoiser.seen[0]?.frame.albedo).toBeDefined();
  });
});

describe('progress and ends', () => {
  it('ascends and ends with 1', async () => {
    const seen: number[] = [];
    await denoise({ exr: blender(), onProgress: (fraction) => seen.push(fraction) });
    expect(seen.every((value, i) => value > (seen[i - 1] ?? 0))).toBe(true);
    expect(seen.at(-1)).toBe(1);
    expect(seen.filter((value) => value === 1)).toHaveLength(1);
  });

  it.each(['before', 'while denoising'])('is cancelled %s', async (when) => {
    const abort = new AbortController();
    if (when === 'before') abort.abort();
    const onProgress = (fraction: number): void => {
      if (fraction > 0.2) abort.abort();
    };
    const error = await failure(denoise({ exr: blender(), signal: abort.signal, onProgress }));
    expect(error.code).toBe('cancelled');
  });

  it('refuses files without colour, damaged files and halves that differ', async () => {
    const other = exrFile([{ layers: ['RGB'], window: { xMin: 0, yMin: 0, xMax: 5, yMax: 5 } }], () => 1);
    const cases: [DenoiseExrRequest, string][] = [
      [{ exr: exrFile([{ layers: ['Z'] }], () => 1) }, 'missing-layer'],
      [{ exr: new Uint8Array(100) }, 'malformed-exr'],
      [{ exr: blender().subarray(0, 900) }, 'malformed-exr'],
      [{ exr: blender(), halves: [blender(), exrFile([{ layers: ['RGB'] }], () => 1)] }, 'mismatched-frames'],
      [{ exr: blender(), neighbors: [{ exr: other, offset: 1 }] }, 'mismatched-frames'],
      [{ exr: other, halves: [blender(), blender()] }, 'mismatched-frames'],
      [{ exr: blender(), neighbors: [{ exr: new Uint8Array(9), offset: 1 }] }, 'malformed-exr'],
      [{ exr: blender(), aovs: ['Combined_key'] }, 'missing-layer'],
    ];
    for (const [request, code] of cases) expect((await failure(denoise(request))).code).toBe(code);
  });

  it('refuses colours that are integers, and names the channel', async () => {
    const exr = exrFile([{ layers: ['RGB'] }], (_, i) => i, 'uint');
    const error = await failure(denoise({ exr }));
    expect(error.code).toBe('unsupported-exr');
    expect(error.message).toContain('half or float');
    expect(error.details.layer).toBe('R');
  });

  it('names the file whose pixels are damaged', async () => {
    const exr = exrFile([{ layers: ['RGB'] }], (_, i) => Math.sin(i * i));
    const damaged = exr.slice().fill(0xff, exr.length - 40);
    const cases: [DenoiseExrRequest, string][] = [
      [{ exr: damaged }, 'frame'],
      [{ exr: damaged, frameName: 'frame[3]' }, 'frame[3]'],
      [{ exr, halves: [damaged, exr] }, 'half_a'],
      [{ exr, halves: [exr, damaged] }, 'half_b'],
    ];
    for (const [request, name] of cases) {
      const error = await failure(denoise(request));
      expect(error.code).toBe('malformed-exr');
      expect(error.details.frame).toBe(name);
    }
  });
});
