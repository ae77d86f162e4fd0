import { afterAll, describe, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { attributeText } from '../../src/exr/attribute.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import type { Output } from '../../src/files/denoise-file/maps.js';
import type { DenoiseExrRequest } from '../../src/files/denoise-file/types.js';
import { isDenoised } from '../../src/files/is-up-to-date.js';
import { resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import { TINY_MODELS } from '../denoise/support.js';
import { prefilteredModels } from '../kpcn/prefilter-support.js';
import { exrFile } from '../support/exr-files.js';
import { scatter } from '../support/random.js';

const pool = new ExrPool({ workers: 1 });
const denoiser = await Denoiser.load({ modelsDirectory: prefilteredModels(), threads: 1 });
const plain = await Denoiser.load({ modelsDirectory: TINY_MODELS, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close(), plain.close()]));

const [WIDTH, HEIGHT] = [48, 24];
const CHANNELS = [...'RGB'].map((letter) => `quietframe.albedo.${letter}`);
const NORMALS = [...'XYZ'].map((letter) => `quietframe.normal.${letter}`);
const AUXILIARIES = [...CHANNELS, ...NORMALS];

function noise(channel: string, i: number): number {
  return scatter((i + 1) * 12.9898 + channel.charCodeAt(channel.length - 1) * 78.233);
}

function render(layers: readonly string[], attributes: Readonly<Record<string, string>> = {}): Uint8Array {
  const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
  return exrFile([{ window, layers, attributes }], (channel, i) => {
    if (/[XYZ]$/.test(channel)) return (channel.endsWith('Z') ? 0.8 : 0) + 0.3 * (noise(channel, i) - 0.5);
    return 0.4 + 0.4 * (noise(channel, i) - 0.5);
  });
}

const frame = render(['RGB', 'albedo.RGB', 'normal.XYZ']);

async function run(request: Partial<DenoiseExrRequest> = {}, of: Denoiser = denoiser) {
  const { exr, report } = await denoiseExr({ exr: frame, ...request }, { pool, denoiser: of });
  const [part] = readExr(exr).parts;
  const at = (name: string): Float32Array => Float32Array.from(part?.planes.get(name)?.data ?? []);
  return { exr, report, part, at };
}

function outputs(...names: readonly Output[]): Pick<DenoiseExrRequest, 'maps'> {
  return { maps: { outputs: names } };
}

/** Mean square of the difference of neighbors in rows. */
function roughness(values: Float32Array): number {
  let sum = 0;
  for (let i = 1; i < values.length; i++) sum += ((values[i] as number) - (values[i - 1] as number)) ** 2;
  return sum / (values.length - 1);
}

describe('the auxiliaries of a file', () => {
  it('are added to the file as they guide the model, and nothing else of it changes', async () => {
    const [alone, both] = await Promise.all([run(), run(outputs('color', 'auxiliaries'))]);
    for (const name of ['R', 'G', 'B']) expect(both.at(name)).toEqual(alone.at(name));
    for (const name of ['albedo.R', 'albedo.G', 'normal.Y']) expect(both.at(name)).toEqual(alone.at(name));
    expect([...(both.part?.planes.keys() ?? [])].filter((name) => name.startsWith('quietframe'))).toEqual(
      [...AUXILIARIES].sort(),
    );
    for (const name of AUXILIARIES) {
      const noisy = both.at(name.replace('quietframe.', ''));
      expect(both.at(name)).toHaveLength(noisy.length);
      expect(roughness(both.at(name))).toBeLessThan(0.8 * roughness(noisy));
    }
    expect(alone.part?.planes.has('quietframe.albedo.R')).toBe(false);
    expect(both.report.prefilter).toBe('on');
  });

  it('are the noisy ones with prefilter=off, and so is what guides', async () => {
    const [on, off] = await Promise.all([
      run(outputs('color', 'auxiliaries')),
      run({ ...outputs('color', 'auxiliaries'), prefilter: 'off' }),
    ]);
    expect(off.report.prefilter).toBe('off');
    for (const name of AUXILIARIES) expect(off.at(name)).toEqual(off.at(name.replace('quietframe.', '')));
    expect(off.at('R')).not.toEqual(on.at('R'));
  });

  it('come without the color too, and of those that the file has', async () => {
    const { at, part } = await run({
      ...outputs('auxiliaries'),
      exr: render(['RGB', 'normal.XYZ']),
    });
    expect(at('R')).toEqual(Float32Array.from(readExr(frame).parts[0]?.planes.get('R')?.data ?? []));
    expect(NORMALS.every((name) => part?.planes.has(name))).toBe(true);
    expect(CHANNELS.some((name) => part?.planes.has(name))).toBe(false);
  });

  it('come once of a split, and without the repeated columns of a panorama', async () => {
    const wrapped = await run({ ...outputs('color', 'auxiliaries'), wrap: 'x' });
    expect(wrapped.report.wrap).toBe('x');
    for (const name of AUXILIARIES) expect(wrapped.at(name)).toHaveLength(WIDTH * HEIGHT);
    const middle = WIDTH / 2 + (HEIGHT / 2) * WIDTH;
    const straight = await run(outputs('auxiliaries'));
    for (const name of AUXILIARIES) {
      expect(wrapped.at(name)[middle]).toBeCloseTo(straight.at(name)[middle] as number, 3);
    }
    const exr = exrFile(
      [
        {
          window: { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 },
          layers: [
            ...['V.Combined.RGBA', 'V.Denoising Albedo.RGB', 'V.Denoising Normal.XYZ'],
            ...['V.Diffuse Direct.RGB', 'V.Diffuse Indirect.RGB', 'V.Diffuse Color.RGB'],
          ],
        },
      ],
      (channel, i) => (channel.endsWith('A') ? 1 : 0.3 + 0.3 * noise(channel, i)),
    );
    const [split, whole] = await Promise.all([
      run({ ...outputs('auxiliaries'), exr, components: 'split' }),
      run({ ...outputs('auxiliaries'), exr }),
    ]);
    expect(split.report).toMatchObject({ components: 'split', prefilter: 'on' });
    for (const name of AUXILIARIES) expect(split.at(name)).toEqual(whole.at(name));
  });

  it('stay the same when the file is denoised again', async () => {
    const mitsuba = render(['RGB', 'aov.RGB', 'nn.XYZ'], { generatedBy: 'Mitsuba version 3' });
    for (const exr of [frame, mitsuba, render(['RGB', 'normal.XYZ'])]) {
      const { exr: made } = await run({ exr, ...outputs('color', 'auxiliaries') });
      const [before, after] = [exr, made].map((file) => resolveLayers(pool.header(file).parts).layers);
      const named = (layers: typeof before) =>
        ['albedo', 'normal'].map((role) => layers?.[role as 'albedo' | 'normal']?.channels);
      expect(named(after)).toEqual(named(before));
    }
  });

  it('have no NaN where the file has some, and misses stay zero', async () => {
    const window = { xMin: 0, yMin: 0, xMax: WIDTH - 1, yMax: HEIGHT - 1 };
    const exr = exrFile([{ window, layers: ['RGB', 'albedo.RGB', 'normal.XYZ'] }], (channel, i) => {
      if (channel.length > 1 && i % WIDTH >= WIDTH / 2) return 0;
      return channel.length > 1 && i === 5 * WIDTH + 7 ? Number.NaN : 3 * noise(channel, i);
    });
    const { at, report } = await run({ ...outputs('color', 'auxiliaries'), exr });
    expect(report.sanitized.albedo).toMatchObject({ notFinite: 3 });
    for (const name of [...AUXILIARIES, 'R', 'G', 'B']) {
      expect(at(name).every(Number.isFinite)).toBe(true);
    }
    const far = 10 * WIDTH + WIDTH - 1;
    for (const name of AUXILIARIES) expect(at(name)[far]).toBe(0);
  });

  it.each<[string, Partial<DenoiseExrRequest>, string]>([
    ['a frame without any', { exr: render(['RGB']) }, 'missing-layer'],
    ['a magnified file', { finish: { upscale: 2 } }, 'invalid-argument'],
    ['a region', { region: { x: 0, y: 0, width: 8, height: 8 } }, 'invalid-argument'],
  ])('are refused of %s', async (_, request, code) => {
    await expect(run({ ...outputs('color', 'auxiliaries'), ...request })).rejects.toMatchObject({ code });
  });

  it('are refused of a model without a prefilter, unless they may be noisy', async () => {
    const wanted = outputs('color', 'auxiliaries');
    await expect(run(wanted, plain)).rejects.toMatchObject({
      ...{ code: 'not-implemented', details: { parameter: 'outputs' } },
      message: expect.stringContaining('kpcn@1'),
    });
    await expect(run({ prefilter: 'on' }, plain)).rejects.toMatchObject({
      ...{ code: 'not-implemented', details: { parameter: 'prefilter' } },
    });
    const { at } = await run({ ...wanted, prefilter: 'off' }, plain);
    expect(at('quietframe.albedo.R')).toEqual(at('albedo.R'));
  });
});

describe('a file that was denoised', () => {
  it('says how, so that another choice is made anew', async () => {
    const [auto, off] = await Promise.all([run(), run({ prefilter: 'off' })]);
    const choice = (part: typeof auto.part) =>
      attributeText(part?.attributes.get('quietframe:prefilterChoice'));
    expect([choice(auto.part), choice(off.part)]).toEqual([undefined, 'off']);
    expect(await isDenoised(pool.header(auto.exr), {}, 1)).toBe(true);
    expect(await isDenoised(pool.header(auto.exr), { prefilter: 'auto' }, 1)).toBe(true);
    expect(await isDenoised(pool.header(auto.exr), { prefilter: 'off' }, 1)).toBe(false);
    expect(await isDenoised(pool.header(off.exr), { prefilter: 'off' }, 1)).toBe(true);
    expect(await isDenoised(pool.header(off.exr), { prefilter: 'on' }, 1)).toBe(false);
    expect(await isDenoised(pool.header(off.exr), {}, 1)).toBe(false);
  });
});
