import type { RenderSource } from '../render-source.js';

/**
 * Mitsuba 3: the beauty is `R G B`, with a copy `<integrator>.RGBA`. The user chooses the names of all other layers, so
 * that the suffix decides: the one `RGB` without `A` is an albedo (not the Stokes components `S0` to `S3`), `T` a depth. `XYZ` is a normal only by its name: positions,
 * derivatives and the CIE XYZ colour of the `moment` integrator have the same suffix.
 */
export const mitsuba: RenderSource = {
  name: 'mitsuba',
  description: 'Mitsuba 3',
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
};
