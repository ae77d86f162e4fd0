import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PartChannels } from '../../../src/frame/layers/part-channels.js';
import {
  type LayerPlan,
  type ResolveOptions,
  resolveLayers,
} from '../../../src/frame/layers/resolve-layers.js';
import {
  BLENDER_PASSES,
  blenderParts,
  header,
  namesAttribute,
  type PartRecipe,
} from '../../support/exr-files.js';
import { RENDERER_FILES } from './renderer-files.js';

const arnold: readonly PartRecipe[] = [
  { name: 'RGBA', layers: ['RGBA'] },
  { name: 'N', layers: ['XYZ'] },
  { name: 'Z', layers: ['Z'] },
  { name: 'diffuse_albedo', layers: ['RGB'] },
  { name: 'motionvector', layers: ['XY'] },
  { name: 'RGBA_key', layers: ['RGBA'] },
  { name: 'RGBA_denoise', layers: ['RGBA'] },
  { name: 'specular_direct', layers: ['RGB'] },
  { name: 'variance', layers: ['RGB'] },
  { name: 'crypto_object00', layers: ['rgba'] },
];
const FILES: Readonly<Record<string, readonly PartRecipe[]>> = {
  ...Object.fromEntries(
    Object.entries(RENDERER_FILES).map(([name, { parts }]) => [`${name}, all layers`, parts]),
  ),
  'parts of Arnold': arnold,
  'parts of Arnold without a beauty by name': [{ name: 'hero', layers: ['RGBA'] }, ...arnold.slice(1)],
  'parts of Blender': blenderParts('ViewLayer', [...BLENDER_PASSES, 'Combined_key.RGB']),
  'two view layers of Blender': [
    ...blenderParts('Front', BLENDER_PASSES),
    ...blenderParts('Back', ['Combined.RGBA', 'Denoising Normal.XYZ', 'Emission.RGB']),
  ],
  'two eyes of Blender': [
    ...blenderParts('V', ['Combined.RGBA', 'Denoising Albedo.RGB', 'Vector.XYZW'], 'right'),
    ...blenderParts('V', ['Combined.RGBA', 'Denoising Normal.XYZ'], 'left'),
  ],
  'one part of Blender': [
    { layers: ['A', 'B'].flatMap((layer) => BLENDER_PASSES.map((pass) => `${layer}.${pass}`)) },
  ],
  'parts of Nuke': ['left', 'right'].flatMap((view) => [
    { name: `rgba_${view}`, view, layers: ['RGBA'] },
    { name: `albedo_${view}`, view, layers: ['RGB'] },
    { name: `forward_${view}`, view, layers: ['uv'] },
  ]),
  'interleaved eyes': [
    {
      attributes: { multiView: namesAttribute('right', 'left') },
      layers: ['RGBA', 'left.RGBA', 'albedo.left.RGB', 'N.right.XYZ', 'RGBA_key.right.RGB'],
    },
  ],
  'parts that are pictures by themselves': ['shot_a', 'shot_b'].map((name) => ({
    name,
    layers: ['RGB', 'albedo.RGB', 'N.XYZ'],
  })),
  'layers of RenderMan': [
    {
      layers: [
        'Ci.RGB',
        'albedo.RGB',
        'albedo_var.RGB',
        'normal.RGB',
        'mse.RGB',
        'forward.RG',
        'diffuse_direct.RGB',
      ],
    },
  ],
  'layers of Mitsuba': [
    {
      attributes: { generatedBy: 'Mitsuba version 3.9.1' },
      layers: ['RGB', 'i.XYZ', 'm2_i.XYZ', 'i.alb.RGB', 'm2_i.alb.RGB', 'i.nn.XYZ', 'i.c.RGBA', 'dd.T'],
    },
  ],
  'doubled names': [
    { name: 'a', layers: ['RGB', 'albedo.RGB', 'albedo.rgb', 'albedo.=red', 'albedo.=green'] },
  ],
};
const OPTIONS: readonly ResolveOptions[] = [{}, { aovs: 'all', samplesPerPixel: 8 }];

/** A plan by the names of parts, which do not change with their order. */
function byNames(parts: readonly PartChannels[], options: ResolveOptions): unknown {
  const plan = resolveLayers(parts, options);
  const text = JSON.stringify(plan, (key, value) => (key === 'part' ? parts[value as number]?.name : value));
  return JSON.parse(text);
}

/** A file with its parts, and the channels of each, in another order. */
const shuffled = (parts: readonly PartChannels[]): fc.Arbitrary<PartChannels[]> =>
  fc
    .shuffledSubarray([...parts], { minLength: parts.length })
    .chain((order) =>
      fc.tuple(
        ...order.map((part) =>
          fc
            .shuffledSubarray([...part.channels], { minLength: part.channels.length })
            .map((channels): PartChannels => ({ ...part, channels })),
        ),
      ),
    );

describe.each(Object.entries(FILES))('%s', (_, recipes) => {
  const parts = header(...recipes);

  it.each(OPTIONS)('have one plan in any order of parts and channels (%o)', (options) => {
    const expected = byNames(parts, options);
    fc.assert(
      fc.property(shuffled(parts), (other) => {
        expect(byNames(other, options)).toEqual(expected);
      }),
      { numRuns: 20 },
    );
  });

  it.each(OPTIONS)('have the same plan where the colour is named in full (%o)', (options) => {
    const found = resolveLayers(parts, options);
    const { part, channels } = found.layers.color;
    const dotted = (channels[0] as string).slice(0, -2);
    const name = dotted === '' ? parts[part]?.name : dotted;
    if (!name) return;
    const { warnings, ...plan } = resolveLayers(parts, { ...options, layers: { color: name } });
    expect(plan).toEqual({ ...found, warnings: undefined });
    expect(warnings).toEqual(found.warnings);
  });

  it('never mix the parts and layers of two pictures', () => {
    for (const view of ['left', 'right']) {
      if (!recipes.some((recipe) => recipe.view === view)) continue;
      const plan = resolveLayers(parts, { view, aovs: 'all' });
      for (const { part } of plan.uses) expect(parts[part]?.view).toBe(view);
    }
  });
});

describe('the choice of the colour', () => {
  const color = (plan: LayerPlan): [number, string] => [
    plan.layers.color.part,
    plan.layers.color.channels.join(' '),
  ];
  const code = (recipes: readonly PartRecipe[], options?: ResolveOptions): string | undefined => {
    try {
      resolveLayers(header(...recipes), options);
      return undefined;
    } catch (error) {
      return (error as { code: string }).code;
    }
  };

  it.each([
    'diffuse_albedo',
    'N',
    'albedo',
    'Denoising Albedo',
    'mse',
    'RGBA_denoise',
    'RGBA_key',
    'VRayDiffuseFilter',
  ])('is never a part that is named %s', (name) => {
    const parts = header({ name, layers: ['RGB'] }, { name: 'hero', layers: ['RGBA'] });
    expect(color(resolveLayers(parts))).toEqual([1, 'R G B']);
    expect(
      code([
        { name, layers: ['RGB'] },
        { name: 'Z', layers: ['Z'] },
      ]),
    ).toBe('missing-layer');
  });

  it('is refused where several parts may be meant, and taken where one is named', () => {
    const parts = [
      { name: 'foo', layers: ['RGB'] },
      { name: 'bar', layers: ['RGB'] },
    ];
    expect(code(parts)).toBe('missing-layer');
    expect(color(resolveLayers(header(...parts), { layers: { color: 'foo' } }))).toEqual([0, 'R G B']);
    const better = [...parts, { name: 'my_beauty', layers: ['RGB'] }];
    expect(color(resolveLayers(header(...better)))).toEqual([2, 'R G B']);
  });

  it('is luminance where there is nothing else', () => {
    expect(color(resolveLayers(header({ layers: ['YA', 'albedo.RGB'] })))).toEqual([0, 'Y Y Y']);
    expect(color(resolveLayers(header({ layers: ['beauty.Y', 'N.XYZ'] })))).toEqual([
      0,
      'beauty.Y beauty.Y beauty.Y',
    ]);
    expect(color(resolveLayers(header({ layers: ['Y', 'RGB'] })))).toEqual([0, 'R G B']);
    const blender = header(
      ...blenderParts('V', ['Combined.YA', 'Denoising Albedo.Y', 'Denoising Normal.XYZ']),
    );
    expect(resolveLayers(blender).layers.albedo?.channels).toEqual(Array(3).fill('V.Denoising Albedo.Y'));
    expect(color(resolveLayers(header({ layers: ['my.Y', 'N.XYZ'] }), { layers: { color: 'my' } }))).toEqual([
      0,
      'my.Y my.Y my.Y',
    ]);
  });

  it('is not the Y of a direction or of luminance and chroma', () => {
    expect(code([{ layers: ['XYZ'] }])).toBe('missing-layer');
    expect(code([{ layers: ['Y', '=RY', '=BY'] }])).toBe('unsupported-exr');
  });

  it('is no denoised copy while there is something else', () => {
    const layers = ['Combined.RGBA'];
    const parts = header(...blenderParts('Denoised', layers), ...blenderParts('View', layers));
    expect(color(resolveLayers(parts))[0]).toBe(1);
  });
});
