import type { LightLayer, RenderSource } from '../render-source.js';

/** A name with spaces, and as hosts write it without them. */
const spellings = (name: string): string[] => [
  ...new Set([name, name.replaceAll(' ', '_'), name.replaceAll(' ', '')]),
];
const layers = (suffixes: readonly string[], ...names: readonly string[]): string[] =>
  names.flatMap(spellings).flatMap((name) => suffixes.map((suffix) => `${name}.${suffix}`));

const LIGHTS = [
  ...[
    'Diffuse',
    'Diffuse direct',
    'Diffuse indirect',
    'Reflection',
    'Reflection direct',
    'Reflection indirect',
  ],
  ...['Refraction', 'Transmission', 'Subsurface scattering', 'SSS', 'Emitters', 'Environment', 'Volume'],
  ...['Volume emission'],
];

/**
 * OctaneRender. `Denoise albedo` and `Denoise normal` are made for denoisers. Its raw passes are divided by their filters on
 * request, which the file does not say: layers of light are filtered as they are. A motion vector of 1 is a movement by the
 * width of the picture, unless the maximum speed says otherwise: it is not read unless a request says how.
 */
export const octane: RenderSource = {
  name: 'octane',
  description: 'OctaneRender',
  references: [
    'https://docs.otoy.com/standaloneSE/OpenImageDenoise.html',
    'https://docs.otoy.com/cinema4d/RenderAOVs.html',
    'https://docs.lightwave3d.com/lw2024/octane-render-passes.html',
  ],
  detect: {
    attributes: [/^octane/i],
    channels: [
      /(^|\.)Denoise[ _]?(albedo|normal)\./i,
      /(^|\.)(Diffuse|Reflection)[ _](direct|indirect)\./,
      /(^|\.)(Diffuse|Reflection|Refraction|Transmission)[ _]?filter\./i,
      /(^|\.)(Emitters|Subsurface scattering)\./,
      /(^|\.)(Shading|Smooth|Geometric|Tangent)[ _]?normal\./i,
    ],
  },
  roles: {
    color: ['RGB', 'RGBA.RGB', 'Beauty.RGB', 'Main.RGB', 'Combined.RGB'],
    albedo: layers(['RGB'], 'Denoise albedo', 'Diffuse filter'),
    normal: layers(['XYZ', 'RGB'], 'Denoise normal', 'Shading normal', 'Smooth normal', 'Geometric normal'),
    depth: layers(['Z', 'R'], 'Z depth', 'Z-depth'),
    motion: layers(['XY', 'RG'], 'Motion vector'),
  },
  variances: [],
  lights: [
    ...layers(['RGB'], 'Light *', 'Sunlight', 'Ambient light').map(
      (layer): LightLayer => ({ layer, isGroup: true }),
    ),
    ...layers(['RGB'], ...LIGHTS).map((layer): LightLayer => ({ layer })),
  ],
  normalSpace: 'world',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add the render AOV Denoise Albedo (or Diffuse filter)',
    normal: 'add the render AOV Denoise Normal (or Shading normal)',
    variance:
      'render each frame twice with half the samples and a static-noise seed each, and give both as half buffers',
    motion:
      'add the render AOV Motion vector, x to the right and y up, and say how it is read with the motion option',
    lights:
      'add Diffuse direct, Diffuse indirect, Reflection, Refraction, Transmission, SSS, Emitters, Environment, or Light passes',
  },
};
