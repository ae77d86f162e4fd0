import type { RenderSource } from '../render-source.js';

/**
 * pbrt-v4's GBuffer film. `Variance` is the variance of the samples, not of their mean, and `RelativeVariance` that
 * divided by the mean (0 where nothing was hit): both need the number of samples, which the header names. Older builds
 * write `Nsx` for `Ns.X`.
 */
export const pbrt: RenderSource = {
  name: 'pbrt',
  description: 'pbrt-v4',
  references: [
    'https://github.com/mmp/pbrt-v4',
    'https://pbr-book.org/4ed/Cameras_and_Film/Film_and_Imaging',
  ],
  detect: {
    attributes: [/^samplesPerPixel$/, /^NDCFromWorld$/],
    channels: [/^(Relative)?Variance\.[RGB]$/, /^Ns(\.X|x)$/, /^dzdx$/],
  },
  roles: {
    color: ['RGB'],
    albedo: ['Albedo.RGB'],
    normal: ['Ns.XYZ', 'N.XYZ'],
    depth: ['P.Z'],
  },
  variances: [
    { role: 'colorVariance', layer: 'Variance.RGB', kind: 'samples' },
    { role: 'colorVariance', layer: 'RelativeVariance.RGB', kind: 'samples-over-mean' },
  ],
  lights: [],
  normalSpace: 'camera',
  motionConvention: 'unknown',
  // It traces independent paths for every pixel as Mitsuba does.
  encoder: 'mitsuba',
  recipe: {
    albedo: 'use the film gbuffer, which writes Albedo',
    normal: 'use the film gbuffer, which writes Ns and N',
    variance: 'use the film gbuffer, which writes Variance',
    motion: 'pbrt writes no motion vectors: they are estimated',
    lights: 'pbrt writes no layers of light',
  },
};
