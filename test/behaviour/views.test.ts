import { afterAll, describe, expect, it } from 'vitest';
import { attributeText } from '../../src/exr/attribute.js';
import { ExrPool } from '../../src/exr/pool.js';
import { readExr } from '../../src/exr/read-exr.js';
import { denoiseExr } from '../../src/files/denoise-file/denoise-exr.js';
import { inspectExr } from '../../src/files/inspect-exr.js';
import { isDenoised } from '../../src/files/is-up-to-date.js';
import { blenderParts, exrFile, namesAttribute, type PartRecipe } from '../support/exr-files.js';
import { StubDenoiser } from '../support/stub-denoiser.js';

const pool = new ExrPool({ workers: 1 });
afterAll(() => pool.close());

const halving = () => new StubDenoiser((value) => value / 2);

const PASSES = ['Combined.RGBA', 'Denoising Albedo.RGB', 'Vector.XYZW'];
/** Albedo of 0.25 and more in the left view, 0.5 and more in the right; colours of 1 and 2 and more. */
const value = (isRight: boolean, isAlbedo: boolean, i: number): number =>
  (isRight ? 2 : 1) * (isAlbedo ? 0.25 + (i % 3) / 16 : 1 + (i % 5) / 8);

/** Channels of the views have the same names: what a sample is of follows from the order in which they are written. */
function stereo(recipes: readonly PartRecipe[]): Uint8Array {
  const order = recipes.flatMap(({ name = '', view, layers }) =>
    layers.flatMap((layer) => {
      const suffix = layer.slice(layer.lastIndexOf('.') + 1);
      const kind = [view === 'right' || layer.includes('right'), /lbedo/.test(name + layer)] as const;
      return [...suffix].map(() => kind);
    }),
  );
  let at = -1;
  return exrFile(recipes, (_, i) => {
    if (i === 0) at++;
    const [isRight, isAlbedo] = order[at] ?? [false, false];
    return value(isRight, isAlbedo, i);
  });
}

const FILES: readonly (readonly [string, readonly PartRecipe[]])[] = [
  ['parts of Blender', [...blenderParts('V', PASSES, 'right'), ...blenderParts('V', PASSES, 'left')]],
  [
    'parts of Nuke',
    ['left', 'right'].flatMap((view) => [
      { name: `albedo_${view}`, view, layers: ['RGB'] },
      { name: `rgba.${view}`, view, layers: ['RGBA'] },
    ]),
  ],
  [
    'one part',
    [
      {
        attributes: { multiView: namesAttribute('left', 'right') },
        layers: ['RGBA', 'right.RGBA', 'albedo.left.RGB', 'albedo.right.RGB'],
      },
    ],
  ],
];

/** First sample of every channel R, by part and name. */
function reds(exr: Uint8Array): Map<string, number> {
  return new Map(
    readExr(exr).parts.flatMap((part) =>
      [...part.planes.values()]
        .filter(({ name }) => name.endsWith('R'))
        .map(({ name, data }): [string, number] => [`${part.name}/${name}`, data[0] as number]),
    ),
  );
}

describe.each(FILES)('%s', (_, recipes) => {
  const exr = stereo(recipes);
  const isRight = (name: string): boolean => name.includes('right');
  const isColor = (name: string): boolean => !name.includes('lbedo');

  it.each([
    [undefined, ['left']],
    ['left', ['left']],
    ['RIGHT', ['right']],
    ['all', ['left', 'right']],
  ] as const)('denoise the views of view=%s, each with its own guides', async (view, views) => {
    const denoiser = halving();
    const fractions: number[] = [];
    const result = await denoiseExr(
      { exr, ...(view && { view }), onProgress: (fraction) => fractions.push(fraction) },
      { pool, denoiser },
    );
    expect(denoiser.seen.map(({ frame: { color } }) => color.data[0])).toEqual(
      views.map((name) => (name === 'right' ? 2 : 1)),
    );
    expect(denoiser.seen.map(({ frame: { albedo } }) => albedo?.data[0])).toEqual(
      views.map((name) => (name === 'right' ? 0.5 : 0.25)),
    );
    const [before, after] = [reds(exr), reds(result.exr)];
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, red] of after) {
      const isDone = isColor(name) && (views as readonly string[]).includes(isRight(name) ? 'right' : 'left');
      expect([name, red]).toEqual([name, (before.get(name) ?? 0) / (isDone ? 2 : 1)]);
    }
    const { input, warnings, tiles } = result.report;
    expect(input.view).toBe(views[0]);
    expect(input.views).toEqual(views.length > 1 ? views : undefined);
    expect(tiles).toBe(2 * views.length);
    expect(warnings.some(({ code }) => code === 'other-views')).toBe(view === undefined);
    expect(warnings.map(({ code }) => code)).not.toContain('already-denoised');
    expect([...fractions]).toEqual([...fractions].sort((a, b) => a - b));
    expect(fractions.filter((fraction) => fraction === 1)).toHaveLength(1);
    const request = { ...(view && { view }) };
    expect(await isDenoised(pool.header(result.exr), request, 1)).toBe(true);
    expect(await isDenoised(pool.header(result.exr), { view: 'other' }, 1)).toBe(false);
    expect(attributeText(readExr(result.exr).parts[0]?.attributes.get('quietframe:view'))).toBe(view);
  });

  it('show the use of the view that is looked at', async () => {
    const { parts } = await inspectExr(exr, pool, { view: 'right' });
    const used = parts.flatMap(({ name, channels }) =>
      channels.flatMap((channel) => (channel.usedAs.length > 0 ? [`${name}/${channel.name}`] : [])),
    );
    expect(used.length).toBeGreaterThan(6);
    expect(used.every(isRight)).toBe(true);
  });

  it('are refused by name where there is no such view, or one picture cannot hold all', async () => {
    const run = (more: object): Promise<unknown> =>
      denoiseExr({ exr, ...more }, { pool, denoiser: halving() });
    await expect(run({ view: 'up' })).rejects.toThrow(/one of left, right for view/);
    await expect(run({ view: 'all', region: { x: 0, y: 0, width: 2, height: 2 } })).rejects.toThrow(
      /one view/,
    );
    await expect(run({ view: 'all', finish: { upscale: 2 } })).rejects.toThrow(/one view/);
  });
});

it('view=all of a file with one view is that view', async () => {
  const exr = exrFile([{ layers: ['RGB'] }], (_, i) => i);
  const { report } = await denoiseExr({ exr, view: 'all' }, { pool, denoiser: halving() });
  expect(report.input.views).toBeUndefined();
  await expect(denoiseExr({ exr, view: 'right' }, { pool, denoiser: halving() })).rejects.toThrow(
    /stereo views/,
  );
});

it('writes grey back to the one channel of luminance, and nothing else', async () => {
  const exr = exrFile([{ layers: ['beauty.YA', 'albedo.RGB'] }], (_, i) => 1 + (i % 7) / 8);
  const denoiser = halving();
  const result = await denoiseExr({ exr }, { pool, denoiser });
  expect(denoiser.seen[0]?.frame.color.channels).toBe(3);
  const [before, after] = [exr, result.exr].map((file) => readExr(file).parts[0]?.planes);
  expect([...(after?.keys() ?? [])]).toEqual([...(before?.keys() ?? [])]);
  for (const [name, { data }] of after ?? []) {
    const factor = name === 'beauty.Y' ? 0.5 : 1;
    expect(data).toEqual(before?.get(name)?.data.map((sample) => factor * sample));
  }
});
