import type { LightLayer, RenderSource } from '../render-source.js';

/** They add up to the beauty in linear color. */
const LIGHTS = ['Direct', 'Indirect', 'Reflect', 'Refract', 'Translucency', 'Emission', 'Volumetrics'];

/**
 * Corona. The elements `CESSENTIAL_...` add up to the beauty. The velocity element is a color whose scale the file does not
 * have: it is not read unless a request says how.
 */
export const corona: RenderSource = {
  name: 'corona',
  description: 'Corona',
  references: [
    'https://support.chaos.com/hc/en-us/articles/4528507137041-What-available-render-elements-are-there-',
    'https://wiki.corona-renderer.com/render_elements',
  ],
  detect: {
    attributes: [/^corona/i],
    channels: [/(^|\.)(CESSENTIAL|CGeometry|CShading|CMasking|CTexmap)_\w+/],
  },
  roles: {
    color: ['RGB', 'RGBA.RGB', 'Beauty.RGB', 'CShading_Beauty.RGB', 'CShading_BeautyRaw.RGB'],
    albedo: ['CShading_Albedo.RGB', 'CShading_SourceColor.RGB'],
    normal: ['CGeometry_NormalsShading', 'CGeometry_NormalsGeometry'].flatMap((layer) => [
      `${layer}.XYZ`,
      `${layer}.RGB`,
    ]),
    depth: ['CGeometry_ZDepth.Z', 'CGeometry_ZDepth.R', 'Z'],
    motion: ['CGeometry_Velocity.XY', 'CGeometry_Velocity.RG'],
  },
  variances: [],
  lights: [
    { layer: 'CShading_LightSelect*.RGB', isGroup: true },
    ...LIGHTS.map((name): LightLayer => ({ layer: `CESSENTIAL_${name}.RGB` })),
  ],
  normalSpace: 'unknown',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add the render element CShading_Albedo (or CShading_SourceColor)',
    normal: 'add the render element CGeometry_NormalsShading',
    variance:
      'render each frame twice with half the passes and an unlocked sampling pattern, and give both as half buffers',
    motion: 'add the render element CGeometry_Velocity, and say how it is read with the motion option',
    lights:
      'add CESSENTIAL_Direct, _Indirect, _Reflect, _Refract, _Translucency, _Emission, _Volumetrics, or CShading_LightSelect',
  },
};
