import type { RenderSource } from '../render-source.js';

/**
 * Blender's Cycles: `<ViewLayer>.<Pass>.<C>`, one part for every pass by default. When Blender denoises, `Combined` is
 * denoised already and `Noisy Image` is the render. It writes no variances. The light passes are without the surface's
 * colour: beauty = (Diffuse Direct + Diffuse Indirect) * Diffuse Color + the same of Glossy and Transmission + Volume Direct
 * + Volume Indirect + Emission + Environment. Light groups are `Combined_<group>`. `Denoising Normal` is in camera space.
 * Where the compositor is on, its picture comes first, as `Composite.Combined`.
 */
export const cycles: RenderSource = {
  name: 'cycles',
  description: 'Blender Cycles',
  detect: {
    attributes: [/^BlenderMultiChannel$/, /^cycles\./, /^Software=Blender/],
    channels: [/(^|\.)(Combined|Noisy Image)(\.\w+)?\.[RGBA]$/, /(^|\.)Denoising (Albedo|Normal|Depth)\./],
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
};
