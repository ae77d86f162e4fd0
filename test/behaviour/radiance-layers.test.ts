import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { Denoiser } from '../../src/denoise/denoiser.js';
import { attributeText } from '../../src/exr/attribute.js';
import { readHeader } from '../../src/exr/header.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { blenderParts, exrFile, type PartRecipe } from '../support/exr-files.js';
import { scatterOf } from '../support/random.js';

const pool = new ExrPool({ workers: 1 });
const modelsDirectory = fileURLToPath(new URL('../golden/tiny-bundle', import.meta.url));
const denoiser = await Denoiser.load({ modelsDirectory, threads: 1 });
afterAll(() => Promise.all([pool.close(), denoiser.close()]));

const WINDOW = { xMin: 0, yMin: 0, xMax: 47, yMax: 32 };

const render = (passes: readonly string[], samples: (channel: string, i: number) => number): Uint8Array =>
  exrFile(
    blenderParts('V', passes).map((part): PartRecipe => ({ ...part, window: WINDOW })),
    samples,
  );

function planes(exr: Uint8Array): Map<string, ArrayLike<number>> {
  return new Map(
    readExr(exr).parts.flatMap((part) =>
      [...part.planes.values()].map(({ name, data }) => [name, data] as const),
    ),
  );
}

/** Largest difference of two planes relative to the largest sample. */
function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    most = Math.max(most, Math.abs((a[i] as number) - (b[i] as number)));
    largest = Math.max(largest, Math.abs(a[i] as number));
  }
  return most / largest;
}

const GROUPS = ['Combined_fill', 'Combined_key', 'Combined_world'];

it('denoises light groups whose sum is the denoised beauty, to float precision', async () => {
  const group = (name: string, channel: string, i: number): number =>
    (name.length / 9) * scatterOf(name + channel.at(-1), i) ** 3;
  const exr = render(['Combined.RGB', ...GROUPS.map((name) => `${name}.RGB`)], (channel, i) => {
    const own = GROUPS.find((name) => channel.includes(`${name}.`));
    if (own !== undefined) return group(own, channel, i);
    return Math.fround(GROUPS.reduce((sum, name) => sum + Math.fround(group(name, channel, i)), 0));
  });
  const { exr: denoised, report } = await denoiseExr({ exr, aovs: 'all' }, { pool, denoiser });
  expect(report.aovs).toEqual(GROUPS);
  expect(attributeText(readHeader(denoised).parts[0]?.attributes.get('quietframe:aovs'))).toBe(
    GROUPS.join(', '),
  );
  const [before, after] = [planes(exr), planes(denoised)];
  for (const c of ['R', 'G', 'B']) {
    const beauty = after.get(`V.Combined.${c}`) as ArrayLike<number>;
    const parts = GROUPS.map((name) => after.get(`V.${name}.${c}`) as ArrayLike<number>);
    const sum = Float64Array.from(beauty, (_, i) =>
      parts.reduce((total, part) => total + (part[i] as number), 0),
    );
    expect(distance(beauty, sum)).toBeLessThan(2e-6);
    for (const name of [...GROUPS, 'Combined']) {
      const [was, is] = [before, after].map((file) => file.get(`V.${name}.${c}`) as ArrayLike<number>);
      expect(distance(was as ArrayLike<number>, is as ArrayLike<number>)).toBeGreaterThan(0.05);
    }
  }
  const plain = planes((await denoiseExr({ exr }, { pool, denoiser })).exr);
  expect(plain.get('V.Combined.R')).toEqual(after.get('V.Combined.R'));
  expect(plain.get('V.Combined_key.R')).toEqual(before.get('V.Combined_key.R'));
});

it('denoises the lobes of Cycles so that lobe times colour still makes up the beauty', async () => {
  const lobes = ['Diffuse Direct', 'Diffuse Indirect', 'Glossy Direct'];
  const light = (name: string, channel: string, i: number): number => scatterOf(name + channel.at(-1), i);
  const color = (name: string, i: number): number => (name.includes('Glossy') ? 0.75 : 0.125 + (i % 5) / 8);
  const exr = render(
    ['Combined.RGB', ...[...lobes, 'Diffuse Color', 'Glossy Color'].map((name) => `${name}.RGB`)],
    (channel, i) => {
      if (channel.includes('Color')) return color(channel, i);
      const own = lobes.find((name) => channel.includes(name));
      if (own !== undefined) return light(own, channel, i);
      return lobes.reduce((sum, name) => sum + light(name, channel, i) * color(name, i), 0);
    },
  );
  const after = planes((await denoiseExr({ exr, aovs: 'all' }, { pool, denoiser })).exr);
  for (const c of ['R', 'G', 'B']) {
    const beauty = after.get(`V.Combined.${c}`) as ArrayLike<number>;
    const sum = Float64Array.from(beauty, (_, i) =>
      lobes.reduce(
        (total, name) =>
          total + ((after.get(`V.${name}.${c}`) as ArrayLike<number>)[i] as number) * color(name, i),
        0,
      ),
    );
    expect(distance(beauty, sum)).toBeLessThan(2e-6);
  }
});

it('keeps both sums in a window whose components are denoised on their own', async () => {
  const lobes = ['Diffuse Direct', 'Diffuse Indirect', 'Glossy Direct'];
  const color = (name: string, i: number): number => (name.includes('Glossy') ? 0.75 : 0.25 + (i % 5) / 8);
  const passes = ['Combined', ...GROUPS, ...lobes, 'Diffuse Color', 'Glossy Color'].map(
    (name) => `${name}.RGB`,
  );
  const frame = (time: number): Uint8Array =>
    render([...passes, 'Vector.XYZW'], (channel, i) => {
      if (channel.includes('Vector')) return channel.endsWith('X') ? 1 : 0;
      if (channel.includes('Color')) return color(channel, i);
      const light = (name: string): number => 0.1 + scatterOf(`${time}${name}${channel.at(-1)}`, i);
      const own = lobes.find((name) => channel.includes(name));
      if (own !== undefined) return light(own);
      const beauty = lobes.reduce((sum, name) => sum + light(name) * color(name, i), 0);
      const group = GROUPS.findIndex((name) => channel.includes(`${name}.`));
      return group < 0 ? beauty : (beauty * (group + 1)) / 6;
    });
  const neighbors = [-1, 1].map((offset) => ({ offset, exr: frame(offset) }));
  const request = { exr: frame(0), neighbors, aovs: 'all', components: 'split', lambda: 3 } as const;
  const { exr, report } = await denoiseExr(request, { pool, denoiser });
  expect([report.components, report.windowUsed, report.motion]).toEqual(['split', 3, 'vectors']);
  const after = planes(exr);
  for (const c of ['R', 'G', 'B']) {
    const beauty = after.get(`V.Combined.${c}`) as ArrayLike<number>;
    const of = (name: string, i: number): number =>
      (after.get(`V.${name}.${c}`) as ArrayLike<number>)[i] as number;
    const sums = [
      Float64Array.from(beauty, (_, i) => lobes.reduce((sum, name) => sum + of(name, i) * color(name, i), 0)),
      Float64Array.from(beauty, (_, i) => GROUPS.reduce((sum, name) => sum + of(name, i), 0)),
    ];
    for (const sum of sums) expect(distance(beauty, sum)).toBeLessThan(5e-6);
  }
});
