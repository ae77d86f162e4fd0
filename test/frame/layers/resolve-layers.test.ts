import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../../src/errors.js';
import { readHeader } from '../../../src/exr/header.js';
import { detectSource, type LayerPlan, resolveLayers } from '../../../src/frame/layers/resolve-layers.js';
import {
  BLENDER_PASSES,
  blenderParts,
  header,
  intAttribute,
  namesAttribute,
} from '../../support/exr-files.js';

/** Channels by role. */
function roles(plan: LayerPlan): Record<string, string[]> {
  const entries = [...Object.entries(plan.layers), ...Object.entries(plan.variances)];
  return Object.fromEntries(entries.map(([role, layer]) => [role, [...(layer?.channels ?? [])]]));
}

function codes(plan: LayerPlan): string[] {
  return plan.warnings.map((warning) => warning.code);
}

const xyz = (layer: string): string[] => ['X', 'Y', 'Z'].map((suffix) => `${layer}.${suffix}`);
const rgb = (layer: string): string[] => ['R', 'G', 'B'].map((suffix) => `${layer}.${suffix}`);

describe('Blender Cycles', () => {
  const multiPart = header(...blenderParts('ViewLayer', BLENDER_PASSES));

  it('reads the noisy image and writes the combined one', () => {
    const plan = resolveLayers(multiPart);
    expect(plan.source).toBe('cycles');
    expect(roles(plan)).toEqual({
      color: rgb('ViewLayer.Noisy Image'),
      albedo: rgb('ViewLayer.Denoising Albedo'),
      normal: xyz('ViewLayer.Denoising Normal'),
      depth: ['ViewLayer.Denoising Depth.Z'],
      motion: ['X', 'Y', 'Z', 'W'].map((suffix) => `ViewLayer.Vector.${suffix}`),
      diffuseDirect: rgb('ViewLayer.Diffuse Direct'),
      diffuseIndirect: rgb('ViewLayer.Diffuse Indirect'),
      diffuseColor: rgb('ViewLayer.Diffuse Color'),
    });
    expect(plan.target).toEqual({ part: 0, channels: rgb('ViewLayer.Combined') });
    expect(plan.alpha).toEqual({
      read: { part: 1, channels: ['ViewLayer.Noisy Image.A'] },
      target: { part: 0, channels: ['ViewLayer.Combined.A'] },
    });
    expect(plan.motionConvention).toBe('cycles');
    expect(codes(plan)).toEqual([]);
  });

  it('finds the same layers when all passes share one part', () => {
    const interleaved = header({ layers: BLENDER_PASSES.map((pass) => `ViewLayer.${pass}`) });
    expect(roles(resolveLayers(interleaved))).toEqual(roles(resolveLayers(multiPart)));
  });

  it('takes the render and not what the compositor made of it, unless there is nothing else', () => {
    const passes = ['Combined.RGBA', 'Denoising Albedo.RGB'];
    const both = header(
      ...blenderParts('Composite', ['Combined.RGBA']),
      ...blenderParts('ViewLayer', passes),
    );
    const plan = resolveLayers(both);
    expect(plan.layers.color).toEqual({ part: 1, channels: rgb('ViewLayer.Combined') });
    expect(plan.target).toEqual({ part: 1, channels: rgb('ViewLayer.Combined') });
    expect(plan.layers.albedo?.channels).toEqual(rgb('ViewLayer.Denoising Albedo'));
    expect(codes(plan)).not.toContain('other-layers');
    const asked = resolveLayers(both, { layers: { color: 'Composite.Combined' } });
    expect(asked.layers.color.channels).toEqual(rgb('Composite.Combined'));
    const alone = resolveLayers(header(...blenderParts('Composite', ['Combined.RGBA'])));
    expect(alone.layers.color.channels).toEqual(rgb('Composite.Combined'));
  });

  it('matches from the right where the view layer has dots', () => {
    const plan = resolveLayers(
      header(...blenderParts('Layer.With.Dots', ['Combined.RGBA', 'Denoising Albedo.RGB'])),
    );
    expect(plan.layers.color.channels).toEqual(rgb('Layer.With.Dots.Combined'));
    expect(plan.layers.albedo?.channels).toEqual(rgb('Layer.With.Dots.Denoising Albedo'));
  });

  it('never takes mist for depth, nor a view layer called Combined for the pass', () => {
    const plan = resolveLayers(
      header(...blenderParts('Combined', ['Mist.Z', 'Emission.RGB', 'Combined.RGBA'])),
    );
    expect(plan.layers.depth).toBeUndefined();
    expect(plan.layers.color.channels).toEqual(rgb('Combined.Combined'));
  });

  it('keeps view layers apart, and takes the first by name in any order of parts', () => {
    const front = blenderParts('Front', ['Combined.RGBA', 'Denoising Normal.XYZ', 'Denoising Albedo.RGB']);
    const back = blenderParts('Back', ['Combined.RGBA', 'Denoising Normal.XYZ']);
    for (const parts of [header(...front, ...back), header(...back, ...front)]) {
      const plan = resolveLayers(parts);
      expect(plan.layers.color.channels).toEqual(rgb('Back.Combined'));
      expect(plan.layers.normal?.channels).toEqual(xyz('Back.Denoising Normal'));
      expect(codes(plan)).toEqual(['other-layers', 'missing-albedo']);
    }
  });

  it('tells stereo views of parts apart, whose channels have the same names', () => {
    const passes = ['Denoising Albedo.RGB', 'Combined.RGBA', 'Denoising Normal.XYZ'];
    const [left, right] = [
      blenderParts('ViewLayer', passes, 'left'),
      blenderParts('ViewLayer', passes, 'right'),
    ];
    const plan = resolveLayers(header(...right.slice(0, 1), ...left, ...right.slice(1)));
    expect(plan.view).toBe('left');
    expect([plan.layers.color.part, plan.layers.albedo?.part, plan.layers.normal?.part]).toEqual([2, 1, 3]);
    expect(codes(plan)).toEqual(['other-views']);
  });

  it('tells stereo views of one part apart by the names in multiView', () => {
    const layers = ['left', 'right'].flatMap((view) => [
      `ViewLayer.Combined.${view}.RGBA`,
      `ViewLayer.Denoising Albedo.${view}.RGB`,
    ]);
    const plan = resolveLayers(
      header({ attributes: { multiView: namesAttribute('left', 'right') }, layers }),
    );
    expect(plan.source).toBe('cycles');
    expect(plan.layers.color.channels).toEqual(rgb('ViewLayer.Combined.left'));
    expect(plan.layers.albedo?.channels).toEqual(rgb('ViewLayer.Denoising Albedo.left'));
  });

  it('is told by an attribute of plain files', () => {
    const plan = resolveLayers(
      header({ attributes: { Software: 'Blender 5.2.3' }, layers: ['RGBA', 'Depth.Z'] }),
    );
    expect(plan.source).toBe('cycles');
    expect(plan.layers.color.channels).toEqual(['R', 'G', 'B']);
  });

  it('leaves half a split alone', () => {
    const plan = resolveLayers(
      header(...blenderParts('V', ['Combined.RGBA', 'Diffuse Direct.RGB', 'Diffuse Color.RGB'])),
    );
    expect(plan.layers.diffuseDirect).toBeUndefined();
    expect(plan.layers.albedo?.channels).toEqual(rgb('V.Diffuse Color'));
  });
});

describe('Mitsuba', () => {
  it('resolves a render of its own', () => {
    const file = readFileSync(new URL('../../exr/fixtures/mitsuba.exr', import.meta.url));
    const plan = resolveLayers(readHeader(file).parts);
    expect(plan.source).toBe('mitsuba');
    expect(roles(plan)).toEqual({
      color: ['R', 'G', 'B'],
      albedo: rgb('albedo'),
      normal: xyz('nn'),
      depth: ['dd.T'],
    });
  });

  const attributes = { generatedBy: 'Mitsuba version 3.9.1' };

  it('takes XYZ of the moment integrator as the moments of colour, not as normals', () => {
    const parts = header({ attributes, layers: ['RGB', 'img.XYZ', 'm2_img.XYZ'] });
    const plan = resolveLayers(parts, { samplesPerPixel: 16 });
    expect(plan.layers.normal).toBeUndefined();
    expect(plan.variances.colorVariance).toEqual({
      ...{ part: 0, kind: 'second-moment', channels: xyz('m2_img') },
      mean: { part: 0, channels: xyz('img') },
    });
  });

  it('prefers moments of RGB and finds those of albedo and normals where moments are over the layers', () => {
    const layers = ['', 'm2_'].flatMap((prefix) =>
      ['img.XYZ', 'img.alb.RGB', 'img.nn.XYZ', 'img.image.RGBA'].map((layer) => prefix + layer),
    );
    const plan = resolveLayers(header({ attributes, layers: ['RGB', ...layers] }), { samplesPerPixel: 16 });
    expect(roles(plan)).toEqual({
      color: ['R', 'G', 'B'],
      albedo: rgb('img.alb'),
      normal: xyz('img.nn'),
      colorVariance: rgb('m2_img.image'),
      albedoVariance: rgb('m2_img.alb'),
      normalVariance: xyz('m2_img.nn'),
    });
  });

  it('finds moments under the layers', () => {
    const layers = ['RGB', 'alb.RGB', 'nn.XYZ', 'img.RGBA', 'img.img.XYZ', 'img.m2_img.XYZ'];
    const plan = resolveLayers(header({ attributes, layers }), { samplesPerPixel: 16 });
    expect(plan.variances.colorVariance?.channels).toEqual(xyz('img.m2_img'));
    expect(plan.layers.normal?.channels).toEqual(xyz('nn'));
    expect(plan.layers.albedo?.channels).toEqual(rgb('alb'));
  });

  it('does not use moments when the number of samples is unknown, and says so', () => {
    const plan = resolveLayers(header({ attributes, layers: ['RGB', 'img.XYZ', 'm2_img.XYZ'] }));
    expect(plan.variances).toEqual({});
    expect(codes(plan)).toContain('samples-unknown');
  });

  it('finds the variance that the plugin measures, and never takes it for an albedo', () => {
    const plan = resolveLayers(header({ attributes, layers: ['RGB', 'mse.RGB'] }));
    expect(plan.variances.colorVariance).toEqual({ part: 0, kind: 'mean', channels: rgb('mse') });
    expect(plan.layers.albedo).toBeUndefined();
    expect(plan.uses).toContainEqual({ part: 0, channel: 'mse.G', usedAs: 'colorVariance' });
  });

  it('takes the one RGB layer of any name for the albedo, but not the copy of the beauty', () => {
    const plan = resolveLayers(
      header({ attributes, layers: ['RGBA', 'image.RGBA', 'mine.RGB', 'where.XYZ'] }),
    );
    expect(plan.layers.albedo?.channels).toEqual(rgb('mine'));
    expect(plan.layers.normal).toBeUndefined();
  });
});

describe('pbrt', () => {
  const layers = [
    'RGB',
    'Albedo.RGB',
    'P.XYZ',
    'N.XYZ',
    'Ns.XYZ',
    '=dzdx',
    '=dzdy',
    'uv',
    'Variance.RGB',
    'RelativeVariance.RGB',
  ];

  it('prefers shading normals and the variance, with the samples of the header', () => {
    const plan = resolveLayers(header({ attributes: { samplesPerPixel: intAttribute(64) }, layers }));
    expect(plan.source).toBe('pbrt');
    expect(roles(plan)).toEqual({
      color: ['R', 'G', 'B'],
      albedo: rgb('Albedo'),
      normal: xyz('Ns'),
      depth: ['P.Z'],
      colorVariance: rgb('Variance'),
    });
    expect(plan.variances.colorVariance?.kind).toBe('samples');
    expect(plan.samplesPerPixel).toBe(64);
  });

  it('knows the names of older builds', () => {
    const old = [
      'RGB',
      ...['Px', 'Py', 'Pz', 'Nx', 'Ny', 'Nz', 'Nsx', 'Nsy', 'Nsz'].map((name) => `=${name}`),
    ];
    const plan = resolveLayers(header({ layers: old }));
    expect(plan.source).toBe('pbrt');
    expect(plan.layers.normal?.channels).toEqual(['Nsx', 'Nsy', 'Nsz']);
  });
});

describe('other renderers', () => {
  it('knows suffixes that are words, in any case', () => {
    const words = (layer: string): string[] => ['red', 'green', 'blue'].map((word) => `${layer}.=${word}`);
    const layers = ['RGBA', ...words('diffuseFilter'), 'bump_normals.XYZ', 'zDepth.Z', 'other.=noiseLevel'];
    const plan = resolveLayers(header({ layers }));
    expect(plan.source).toBe('vray');
    expect(plan.layers.albedo?.channels).toEqual([
      'diffuseFilter.red',
      'diffuseFilter.green',
      'diffuseFilter.blue',
    ]);
    expect(plan.layers.normal?.channels).toEqual(xyz('bump_normals'));
    expect(plan.layers.depth?.channels).toEqual(['zDepth.Z']);
  });

  it('finds depth beside the colour, and lower-case channels', () => {
    const plan = resolveLayers(header({ layers: ['rgba', 'Z', 'n.xyz'] }));
    expect(plan.layers.color.channels).toEqual(['r', 'g', 'b']);
    expect(plan.layers.depth?.channels).toEqual(['Z']);
    expect(plan.layers.normal?.channels).toEqual(['n.x', 'n.y', 'n.z']);
  });

  it('takes the name of a part for the layer of channels without one', () => {
    const plan = resolveLayers(
      header(
        { name: 'C', layers: ['RGBA'] },
        { name: 'albedo', layers: ['RGB'] },
        { name: 'N', layers: ['XYZ'] },
      ),
    );
    expect([plan.layers.color.part, plan.layers.albedo?.part, plan.layers.normal?.part]).toEqual([0, 1, 2]);
  });

  it('takes variances of the mean from RenderMan', () => {
    const plan = resolveLayers(
      header({ layers: ['RGB', 'mse.RGB', 'albedo.RGB', 'albedo_var.RGB', 'normal_var.RGB'] }),
    );
    expect(Object.keys(plan.variances).sort()).toEqual(['albedoVariance', 'colorVariance', 'normalVariance']);
    expect(codes(plan)).toEqual(['missing-normal']);
  });

  it('leaves a variance of unknown convention alone', () => {
    expect(resolveLayers(header({ layers: ['RGBA', 'variance.RGB'] })).variances).toEqual({});
  });
});

describe('what goes wrong', () => {
  const fails = (run: () => unknown): QuietframeError => {
    try {
      run();
    } catch (error) {
      if (error instanceof QuietframeError) return error;
    }
    throw new Error('expected a QuietframeError');
  };

  it('names what was looked for when there is no colour', () => {
    const error = fails(() => resolveLayers(header({ layers: ['Z', 'id.X'] })));
    expect(error.code).toBe('missing-layer');
    expect(error.message).toContain('RGB');
    expect(error.message).toContain('id');
  });

  it('ignores a layer of another window, with a warning, and refuses it when asked for', () => {
    const parts = header(
      { name: 'beauty', layers: ['RGB'] },
      { name: 'albedo', layers: ['RGB'], window: { xMin: 0, yMin: 0, xMax: 3, yMax: 3 } },
    );
    const plan = resolveLayers(parts);
    expect(plan.layers.albedo).toBeUndefined();
    expect(codes(plan)).toContain('different-window');
    expect(fails(() => resolveLayers(parts, { layers: { albedo: 'albedo' } })).code).toBe(
      'mismatched-frames',
    );
  });

  it('refuses unknown roles, sources and layers by name', () => {
    const parts = header({ layers: ['RGB'] });
    const layers: Record<string, string> = { sparkle: 'x' };
    expect(fails(() => resolveLayers(parts, { layers })).code).toBe('invalid-argument');
    const missing = fails(() => resolveLayers(parts, { layers: { normal: 'Nope' } }));
    expect([missing.code, missing.details.layer]).toEqual(['missing-layer', 'Nope']);
    expect(fails(() => resolveLayers(parts, { layers: { color: 'none' } })).code).toBe('invalid-argument');
  });

  it('lets the request choose layers, and leave them out', () => {
    const parts = header({ layers: ['RGB', 'first.RGB', 'a.bump.RGB', 'N.XYZ', 'noise.RGB'] });
    const plan = resolveLayers(parts, {
      layers: { color: 'first', albedo: 'bump', normal: 'none', colorVariance: 'noise' },
    });
    expect(roles(plan)).toEqual({ color: rgb('first'), albedo: rgb('a.bump'), colorVariance: rgb('noise') });
    expect(plan.target.channels).toEqual(rgb('first'));
    expect(codes(plan)).toEqual([]);
  });

  it('lets the request choose the source', () => {
    const parts = header({ layers: ['RGB', 'Ns.XYZ', 'N.XYZ'] });
    expect(detectSource(parts).name).toBe('pbrt');
    expect(resolveLayers(parts, { source: 'generic' }).layers.normal?.channels).toEqual(xyz('N'));
  });
});

it('lists every channel that is used, by part', () => {
  const plan = resolveLayers(header(...blenderParts('V', ['Combined.RGBA', 'Denoising Normal.XYZ'])));
  expect(plan.uses).toEqual([
    ...rgb('V.Combined').map((channel) => ({ part: 0, channel, usedAs: 'color' })),
    ...xyz('V.Denoising Normal').map((channel) => ({ part: 1, channel, usedAs: 'normal' })),
    { part: 0, channel: 'V.Combined.A', usedAs: 'alpha' },
    ...rgb('V.Combined').map((channel) => ({ part: 0, channel, usedAs: 'result' })),
  ]);
});

describe('a layer with both directions of motion', () => {
  it.each(['motion', 'velocity', 'motionvector', 'forward'])('%s.XYZW is read whole', (layer) => {
    const plan = resolveLayers(header({ layers: ['RGB', `${layer}.XYZW`] }), { motion: 'to-both' });
    expect(plan.motionConvention).toBe('to-both');
    expect(plan.layers.motion?.channels).toEqual(['X', 'Y', 'Z', 'W'].map((name) => `${layer}.${name}`));
  });

  it('is read in one direction, too, and one of two channels is no match for both', () => {
    const parts = header({ layers: ['RGB', 'motion.XY'] });
    expect(resolveLayers(parts, { motion: 'to-next' }).layers.motion?.channels).toHaveLength(2);
    expect(() => resolveLayers(parts, { motion: 'to-both' })).toThrow('a layer of 4 channels');
  });
});
