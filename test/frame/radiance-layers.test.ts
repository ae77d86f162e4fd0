import { describe, expect, it } from 'vitest';
import { QuietframeError } from '../../src/errors.js';
import { buildFrame } from '../../src/frame/build-frame.js';
import { type LayerPlan, type ResolveOptions, resolveLayers } from '../../src/frame/layers/resolve-layers.js';
import { withoutSurface } from '../../src/frame/surface.js';
import { raster } from '../../src/image/raster.js';
import { BLENDER_PASSES, blenderParts, header, image } from '../support/exr-files.js';

const GROUPS = ['Combined_key.RGB', 'Combined_rim.light.RGB', 'Volume Direct.RGB'];
const cycles = blenderParts('View.Layer', [...BLENDER_PASSES, ...GROUPS]);
const names = (plan: LayerPlan): string[] => plan.lights.map(({ name }) => name);
const resolve = (options?: ResolveOptions): LayerPlan => resolveLayers(header(...cycles), options);

describe('layers of light', () => {
  it('are none unless asked for', () => {
    expect(names(resolve())).toEqual([]);
  });

  it('are all that the renderer writes, and never the beauty or its noisy image', () => {
    expect(names(resolve({ aovs: 'all' }))).toEqual([
      'Combined_key',
      'Combined_rim.light',
      ...['Diffuse Direct', 'Diffuse Indirect', 'Glossy Direct', 'Glossy Indirect'],
      ...['Volume Direct', 'Emission', 'Environment'],
    ]);
  });

  it('are known with the colour of the surface that Cycles divides by', () => {
    const [light] = resolve({ aovs: ['glossy indirect'] }).lights;
    expect(light?.name).toBe('Glossy Indirect');
    expect(light?.surface?.channels).toEqual(['R', 'G', 'B'].map((c) => `View.Layer.Glossy Color.${c}`));
  });

  it('are what the request names, known or not, each once', () => {
    expect(names(resolve({ aovs: ['Combined_key', 'combined_key', 'Combined'] }))).toEqual(['Combined_key']);
    const plan = resolveLayers(header({ layers: ['RGB', 'my.bounce.RGB'] }), { aovs: ['bounce'] });
    expect(plan.lights).toEqual([
      {
        name: 'bounce',
        component: 'beauty',
        layer: { part: 0, channels: ['R', 'G', 'B'].map((c) => `my.bounce.${c}`) },
      },
    ]);
  });

  it('are found under the names of other renderers', () => {
    const arnold = header({ layers: ['RGBA', 'RGBA_key.RGB', 'diffuse_direct.RGB', 'albedo.RGB'] });
    expect(names(resolveLayers(arnold, { aovs: 'all' }))).toEqual(['RGBA_key', 'diffuse_direct']);
  });

  it('are refused by name when they are not there, and warned about when there is none', () => {
    expect(() => resolve({ aovs: ['Combined_fill'] })).toThrow(QuietframeError);
    expect(() => resolve({ aovs: ['Combined_fill'] })).toThrow('Combined_fill');
    const plan = resolveLayers(header({ layers: ['RGB'] }), { aovs: 'all' });
    expect(plan.warnings.map(({ code }) => code)).toContain('no-lights');
  });

  it('warn where the colour of their surface is missing', () => {
    const plan = resolveLayers(header(...blenderParts('V', ['Combined.RGBA', 'Diffuse Direct.RGB'])), {
      aovs: 'all',
    });
    expect(plan.warnings.map(({ code }) => code)).toContain('missing-surface');
    expect(plan.uses.filter(({ usedAs }) => usedAs === 'light')).toHaveLength(3);
  });
});

describe('their samples', () => {
  const parts = blenderParts('V', ['Combined.RGBA', 'Diffuse Direct.RGB', 'Diffuse Color.RGB']);
  const planned = (light: number, surface: number) => ({
    image: image(parts, (name) => (name.includes('Direct') ? light : name.includes('Color') ? surface : 1)),
    plan: resolveLayers(header(...parts), { aovs: 'all' }),
  });

  it('are with the colour of the surface, as they add up to the beauty', () => {
    expect(buildFrame(planned(3, 0.25)).lights.get('Diffuse Direct')?.data[7]).toBe(0.75);
  });

  it('are the mean of what each half adds to its beauty', () => {
    // The mean of the products, not the product of the means.
    const { lights } = buildFrame(planned(1, 0.5), planned(3, 0.25));
    expect(lights.get('Diffuse Direct')?.data[0]).toBe((0.5 + 0.75) / 2);
  });

  it('are finite', () => {
    const { lights, sanitized } = buildFrame(planned(Number.NaN, 0.5));
    expect(lights.get('Diffuse Direct')?.data.every(Number.isFinite)).toBe(true);
    expect(sanitized['Diffuse Direct']?.notFinite).toBe(144);
  });

  it('lose the colour of the surface again, and are 0 where there is none', () => {
    const light = raster(1, 1, 3, Float32Array.of(0.5, 0.5, 0.5));
    expect([...withoutSurface(light, raster(1, 1, 3, Float32Array.of(0.25, 0, 1e-9))).data]).toEqual([
      2, 0, 0,
    ]);
  });
});
