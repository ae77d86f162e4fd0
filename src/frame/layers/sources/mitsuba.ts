import type { RenderSource } from '../render-source.js';

/**
 * Mitsuba 3: the beauty is `R G B`, with a copy `<integrator>.RGBA`. The user chooses the names of all other layers, so
 * that the suffix decides: the one `RGB` without `A` is an albedo (not the Stokes components `S0` to `S3`), `T` a depth. `XYZ` is a normal only by its name: positions,
 * derivatives and the CIE XYZ colour of the `moment` integrator have the same suffix.
 */
export const mitsuba: RenderSource = {
  name: 'mitsuba',
  description: 'Mitsuba 3',
  references: [
    'https://mitsuba.readthedocs.io/en/stable/src/generated/plugins_integrators.html',
    'https://mitsuba.readthedocs.io/en/stable/src/generated/plugins_films.html',
  ],
  detect: { attributes: [/^generatedBy=Mitsuba/], channels: [/(^|\.)m2_[^.]+.*\.[XYZ]$/] },
  roles: {
    color: ['RGB'],
    albedo: ['albedo.RGB', 'alb.RGB', '*.RGB'],
    normal: [
      'sh_normal.XYZ',
      'shading_normal.XYZ',
      'geo_normal.XYZ',
      'normal.XYZ',
      'normals.XYZ',
      'nn.XYZ',
      'n.XYZ',
    ],
    depth: ['depth.T', '*.T'],
  },
  // Of quietframe's own plugin; Mitsuba itself writes second moments.
  variances: [{ role: 'colorVariance', layer: 'mse.RGB', kind: 'mean' }],
  lights: [],
  secondMomentPrefix: 'm2_',
  hasNestedLayers: true,
  normalSpace: 'world',
  motionConvention: 'unknown',
  encoder: 'mitsuba',
  recipe: {
    albedo: 'wrap the integrator in an aov integrator with albedo:albedo',
    normal: 'add nn:sh_normal to the aov integrator',
    variance:
      'wrap the integrator in a moment integrator and give the samples per pixel, or give two renders with different seeds as half buffers',
    motion: 'Mitsuba writes no motion vectors: they are estimated, or come from the plugin',
    lights:
      'Mitsuba writes no layers of light: render groups of emitters to layers and name them with the aovs option',
  },
};
