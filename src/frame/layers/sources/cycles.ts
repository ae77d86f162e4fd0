import type { RenderSource } from '../render-source.js';

/**
 * Blender's Cycles: `<ViewLayer>.<Pass>.<C>`, one part for every pass by default. When Blender denoises, `Combined` is
 * denoised already and `Noisy Image` is the render. It writes no variances. The light passes are without the surface's
 * colour: beauty = (Diffuse Direct + Diffuse Indirect) * Diffuse Color + the same of Glossy and Transmission + Volume Direct
 * + Volume Indirect + Emission + Environment. Light groups are `Combined_<group>`. `Denoising Normal` is in camera space.
 * From Blender 5.2 on, `Denoising Specular Albedo`, `Denoising Roughness` and `Denoising Backward Motion` are passes of other
 * denoisers and only copied; `Denoising Albedo` has the same values as before.
 * Where the compositor is on, its picture comes first, as `Composite.Combined`.
 */
export const cycles: RenderSource = {
  name: 'cycles',
  description: 'Blender Cycles',
  references: [
    'https://docs.blender.org/manual/en/latest/render/layers/passes.html',
    'https://docs.blender.org/manual/en/latest/render/cycles/render_settings/sampling.html',
  ],
  detect: {
    attributes: [/^cycles\./],
    channels: [
      /(^|\.)Noisy Image(\.\w+)?\.[RGBA]$/,
      /(^|\.)Denoising (Albedo|Specular Albedo|Normal|Depth|Roughness)\./,
      /(^|\.)(Diffuse|Glossy|Transmission|Volume) (Direct|Indirect|Color)\./,
    ],
  },
  // Blender writes the files of other renderers, too.
  detectHost: {
    attributes: [/^BlenderMultiChannel$/, /^Software=Blender/],
    channels: [/(^|\.)Combined(\.\w+)?\.[RGBA]$/],
  },
  roles: {
    color: ['Noisy Image.RGB', 'Combined.RGB', 'RGB', 'Image.RGB', 'Noisy Image.YYY', 'Combined.YYY'],
    albedo: ['Denoising Albedo.RGB', 'Diffuse Color.RGB', 'Denoising Albedo.YYY'],
    normal: ['Denoising Normal.XYZ', 'Normal.XYZ'],
    depth: ['Denoising Depth.Z', 'Depth.Z', 'Depth.V'],
    motion: ['Vector.XYZW'],
    diffuseDirect: ['Diffuse Direct.RGB'],
    diffuseIndirect: ['Diffuse Indirect.RGB'],
    diffuseColor: ['Diffuse Color.RGB'],
  },
  target: ['Combined.RGB', 'Combined.YYY'],
  composite: 'Composite',
  variances: [],
  lights: [
    { layer: 'Combined_*.RGB', isGroup: true },
    ...['Diffuse', 'Glossy', 'Transmission'].flatMap((lobe) =>
      ['Direct', 'Indirect'].map((way) => ({
        layer: `${lobe} ${way}.RGB`,
        surface: `${lobe} Color.RGB`,
      })),
    ),
    { layer: 'Volume Direct.RGB' },
    { layer: 'Volume Indirect.RGB' },
    { layer: 'Emission.RGB' },
    { layer: 'Environment.RGB' },
  ],
  normalSpace: 'camera',
  motionConvention: 'cycles',
  encoder: 'cycles',
  recipe: {
    albedo: 'switch on Denoising Data in the passes of the view layer',
    normal: 'switch on Denoising Data in the passes of the view layer',
    variance: 'render each frame twice with half the samples and another seed, and give both as half buffers',
    motion: 'switch on the pass Vector, and motion blur off: Cycles leaves vectors empty with it',
    lights:
      'switch on Diffuse, Glossy and Transmission (direct, indirect, color), Volume, Emission and Environment, or light groups',
  },
};
