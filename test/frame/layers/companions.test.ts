import { describe, expect, it } from 'vitest';
import {
  type LayerPlan,
  type ResolveOptions,
  resolveLayers,
} from '../../../src/frame/layers/resolve-layers.js';
import { blenderParts, header, type PartRecipe } from '../../support/exr-files.js';

const resolve = (recipes: readonly PartRecipe[], options?: ResolveOptions): LayerPlan =>
  resolveLayers(header(...recipes), options);
const codes = ({ warnings }: LayerPlan): string[] => warnings.map(({ code }) => code);
/** Layer names of what is used besides the colour. */
const used = (plan: LayerPlan): string[] => [
  ...new Set(
    plan.uses
      .filter(({ usedAs }) => !['color', 'result', 'alpha'].includes(usedAs))
      .map(({ channel }) => channel.slice(0, channel.lastIndexOf('.'))),
  ),
];

describe('what belongs to the colour', () => {
  const DATA = [
    'Denoising Albedo.RGB',
    'Denoising Normal.XYZ',
    'Vector.XYZW',
    'Diffuse Direct.RGB',
    'Diffuse Color.RGB',
  ];
  const layers = (name: string, passes: readonly string[]): string[] =>
    passes.map((pass) => `${name}.${pass}`);

  it('is nothing of another view layer, which a warning names', () => {
    const file = [
      { layers: [...layers('A', ['Combined.RGBA']), ...layers('B', ['Combined.RGBA', ...DATA])] },
    ];
    const plan = resolve(file, { aovs: 'all' });
    expect(used(plan)).toEqual([]);
    expect(codes(plan)).toEqual(['other-layers', 'missing-albedo', 'missing-normal', 'no-lights']);
    expect(plan.warnings[1]?.message).toContain('B.Denoising Albedo');
  });

  it('is nothing of a view layer without a colour', () => {
    const plan = resolve([{ layers: [...layers('A', ['Combined.RGBA']), ...layers('B', DATA)] }], {
      aovs: 'all',
    });
    expect(used(plan)).toEqual([]);
  });

  it.each(['A', 'B'])('is of the view layer %s where its colour is named', (name) => {
    const file = [{ layers: ['A', 'B'].flatMap((layer) => layers(layer, ['Combined.RGBA', ...DATA])) }];
    const plan = resolve(file, { layers: { color: `${name}.Combined` }, aovs: 'all' });
    expect(used(plan).length).toBe(DATA.length);
    expect(used(plan).every((layer) => layer.startsWith(`${name}.`))).toBe(true);
  });

  it('is what a request names by the end of it in the own view layer, and no other', () => {
    const file = [
      {
        layers: [
          ...layers('A', ['Combined.RGBA', 'x.RGB']),
          ...layers('B', ['Combined.RGBA', 'x.RGB', 'y.RGB']),
        ],
      },
    ];
    expect(used(resolve(file, { layers: { color: 'B.Combined', albedo: 'x' } }))).toEqual(['B.x']);
    expect(used(resolve(file, { layers: { albedo: 'B.x' } }))).toEqual(['B.x']);
    const three = [{ layers: ['A.Combined.RGB', 'B.x.RGB', 'C.x.RGB'] }];
    expect(() => resolve(three, { layers: { albedo: 'x' } })).toThrow(/whole name.*B.x, C.x/);
  });

  it('is of the own part where parts are pictures by themselves', () => {
    const file = [
      { name: 'one', layers: ['Combined.RGBA'] },
      { name: 'two', layers: ['Combined.RGBA', 'Denoising Albedo.RGB'] },
    ];
    expect(used(resolve(file))).toEqual([]);
    const plan = resolve(file, { layers: { color: 'two.Combined' } });
    expect([plan.layers.color.part, plan.layers.albedo?.part]).toEqual([1, 1]);
    // A part that holds no colour is of the only one there is.
    const shared = [
      { name: 'beauty', layers: ['RGBA'] },
      { name: 'data', layers: ['albedo.RGB', 'N.XYZ'] },
    ];
    expect(used(resolve(shared))).toEqual(['albedo', 'N']);
  });

  it('is of the own view, also where only the other eye has it', () => {
    const file = [
      ...blenderParts('V', ['Combined.RGBA'], 'left'),
      ...blenderParts('V', ['Combined.RGBA', ...DATA], 'right'),
    ];
    expect(used(resolve(file, { aovs: 'all' }))).toEqual([]);
    expect(() => resolve(file, { layers: { albedo: 'Denoising Albedo' } })).toThrow(/the view left/);
    expect(resolve(file, { view: 'right' }).layers.albedo?.part).toBe(2);
  });

  it('has one name where a file has one view layer, named or not', () => {
    expect(used(resolve([{ layers: ['RGB', 'img.albedo.RGB'] }]))).toEqual(['img.albedo']);
    expect(used(resolve([{ layers: ['L.beauty.RGB', 'albedo.RGB'] }]))).toEqual(['albedo']);
    expect(used(resolve([{ layers: ['RGB', 'a.albedo.RGB', 'b.albedo.RGB'] }]))).toEqual([]);
    expect(used(resolve([{ layers: ['L.beauty.RGB', 'M.beauty.RGB', 'albedo.RGB'] }]))).toEqual([]);
  });

  it('is nothing that cannot be decoded', () => {
    const unreadable = { received: 'deep data (deepscanline)' };
    const [rgba, albedo] = header({ name: 'RGBA', layers: ['RGBA'] }, { name: 'albedo', layers: ['RGB'] });
    if (rgba === undefined || albedo === undefined) throw new Error('unreachable');
    const plan = resolveLayers([rgba, { ...albedo, unreadable }]);
    expect(plan.layers.albedo).toBeUndefined();
    expect(plan.warnings[0]?.message).toContain('albedo cannot be decoded');
    const compressed = { received: 'HTJ2K32' };
    expect(() => resolveLayers([{ ...rgba, unreadable: compressed }, albedo])).toThrow(/HTJ2K32/);
    expect(() => resolveLayers([rgba, { ...albedo, unreadable }], { layers: { albedo: 'albedo' } })).toThrow(
      /deep data/,
    );
  });
});

describe('names', () => {
  it.each(['_main', '_left', '_right', '.left', '-left', ' left'])(
    'of parts may end with a view: %s',
    (end) => {
      const view = end.slice(1);
      const names = ['rgba', 'albedo', 'normal', 'forward'];
      const parts = names.map((name) => ({
        name: name + end,
        view,
        layers: [name === 'forward' ? 'uv' : 'RGBA'],
      }));
      for (const file of [parts, parts.map(({ view: _, ...part }) => part)]) {
        const plan = resolve(file, { motion: 'to-next' });
        expect([plan.view, plan.layers.albedo?.part, plan.layers.normal?.part]).toEqual([view, 1, 2]);
        expect(plan.layers.motion).toEqual({ part: 3, channels: ['u', 'v'] });
      }
    },
  );

  it('of light groups may end like views', () => {
    const names = ['RGBA', 'RGBA_left', 'RGBA_right'];
    const plan = resolve(
      names.map((name) => ({ name, layers: ['RGBA'] })),
      { aovs: 'all' },
    );
    expect(plan.view).toBeUndefined();
    expect(plan.lights.map(({ name }) => name)).toEqual(['RGBA_left', 'RGBA_right']);
  });

  it.each(['XY', 'uv', 'UV', 'RG'])('of motion may have the channels %s', (suffixes) => {
    const plan = resolve([{ layers: ['RGB', `forward.${suffixes}`, `other.${suffixes}`] }], {
      layers: { motion: 'other' },
    });
    expect(plan.layers.motion?.channels).toEqual([...suffixes].map((suffix) => `other.${suffix}`));
  });

  it.each([
    'RGBA_denoise',
    'RGBA_denoised',
    'RGBA_key_denoise',
    'RGBA_oidn',
    'RGBA_optix',
    'denoised.RGBA_key',
  ])('of denoised copies are no light: %s', (name) => {
    const plan = resolve(
      [{ layers: ['RGBA', `${name}.RGB`, 'RGBA_key.RGB', 'RGBA_variance.RGB', 'RGBA_albedo.RGB'] }],
      {
        aovs: 'all',
      },
    );
    expect(plan.lights.map((light) => light.name)).toEqual(['RGBA_key']);
    expect(resolve([{ layers: ['RGBA', `${name}.RGB`] }], { aovs: [name] }).lights).toHaveLength(1);
  });

  it.each([
    [['S0', 'S1', 'S2', 'S3']],
    [['S0']],
    [['mine', 'other']],
    [['image']],
    [['mine_denoised']],
    [['emission']],
  ])('that fit an albedo by their channels alone are none where they are %s', (names) => {
    const attributes = { generatedBy: 'Mitsuba version 3.9.1' };
    const plan = resolve([{ attributes, layers: ['RGBA', ...names.map((name) => `${name}.RGB`)] }]);
    expect(plan.layers.albedo).toBeUndefined();
    expect(codes(plan)).toContain('missing-albedo');
    const found = resolve([{ attributes, layers: ['RGBA', 'S0.RGB', 'S1.RGB', 'image.RGB', 'mine.RGB'] }]);
    expect([found.layers.albedo?.channels[0], found.isAlbedoGuessed]).toEqual(['mine.R', true]);
  });
});
