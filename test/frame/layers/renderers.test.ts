import { describe, expect, it } from 'vitest';
import { recipeFor } from '../../../src/frame/layers/recipe.js';
import { resolveLayers, SOURCES } from '../../../src/frame/layers/resolve-layers.js';
import { header } from '../../support/exr-files.js';
import { RENDERER_FILES } from './renderer-files.js';

describe.each(Object.entries(RENDERER_FILES))('%s', (_, { source, parts, roles, lights }) => {
  const plan = resolveLayers(header(...parts), { aovs: 'all' });

  it('are recognized', () => {
    expect(plan.source).toBe(source);
  });

  it('play their roles', () => {
    const found = Object.entries({ ...plan.layers, ...plan.variances }).map(([role, layer]) => [
      role,
      layer.channels[0],
    ]);
    expect(Object.fromEntries(found)).toMatchObject(roles);
    // No role is found that the renderer did not write, depth apart, which nothing reads.
    expect(found.flatMap(([role]) => (role === 'depth' ? [] : role)).sort()).toEqual(
      expect.arrayContaining(Object.keys(roles).filter((role) => role !== 'depth')),
    );
  });

  it('have these layers of light and no others', () => {
    expect(plan.lights.map(({ name }) => name).sort()).toEqual([...lights].sort());
  });

  it('have their own names first where the renderer is not named', () => {
    expect(resolveLayers(header(...parts), { source, aovs: 'all' })).toEqual(plan);
  });
});

it('is about every renderer that has names of its own', () => {
  const tested = new Set(Object.values(RENDERER_FILES).map(({ source }) => source));
  const elsewhere = ['generic', 'mitsuba', 'pbrt'];
  expect(SOURCES.map(({ name }) => name).filter((name) => !tested.has(name))).toEqual(
    elsewhere.toSorted((a, b) => Number(a === 'generic') - Number(b === 'generic')),
  );
});

describe('parts of Arnold', () => {
  it('are chosen by name, not by the letters of their channels', () => {
    const recipes = RENDERER_FILES['parts of Arnold']?.parts ?? [];
    const { layers } = resolveLayers(header(...recipes));
    expect(recipes[layers.color.part]?.name).toBe('RGBA');
    expect(recipes[layers.albedo?.part ?? -1]?.name).toBe('denoise_albedo');
    expect(recipes[layers.normal?.part ?? -1]?.name).toBe('N_denoise');
  });
});

describe('the recipe', () => {
  const steps = (
    layers: readonly string[],
    varianceOrigin: 'layer' | 'estimated',
    codes: readonly ('missing-albedo' | 'no-lights')[] = [],
  ) =>
    recipeFor({
      plan: resolveLayers(header({ layers }), { aovs: 'all' }),
      varianceOrigin,
      warnings: codes.map((code) => ({ code })),
    });

  it('has what a file lacks, in words of its renderer', () => {
    const found = steps(['RGBA', 'denoise_albedo.RGB', 'diffuse_direct.RGB'], 'estimated');
    expect(found.map(({ need }) => need)).toEqual(['normal', 'variance', 'motion']);
    expect(found[0]?.how).toContain('N_denoise');
  });

  it('counts a layer that says nothing as missing', () => {
    const layers = ['RGBA', 'denoise_albedo.RGB', 'N_denoise.XYZ', 'diffuse_direct.RGB'];
    expect(steps(layers, 'layer', ['missing-albedo']).map(({ need }) => need)).toEqual(['albedo', 'motion']);
  });

  it('is empty where everything is there', () => {
    const layers = [
      'Combined.RGBA',
      'Denoising Albedo.RGB',
      'Denoising Normal.XYZ',
      'Vector.XYZW',
      'Emission.RGB',
    ];
    expect(steps(layers, 'layer')).toEqual([]);
  });
});
