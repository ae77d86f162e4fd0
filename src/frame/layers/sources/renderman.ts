import type { RenderSource } from '../render-source.js';

const LIGHTS = [
  ...['directDiffuse', 'indirectDiffuse', 'directSpecular', 'indirectSpecular'],
  ...['diffuse', 'specular', 'subsurface', 'transmissive', 'emissive'],
  ...['directDiffuseLobe', 'indirectDiffuseLobe', 'directSpecularPrimaryLobe', 'indirectSpecularPrimaryLobe'],
  ...['directSpecularRoughLobe', 'indirectSpecularRoughLobe', 'directSpecularClearcoatLobe'],
  ...['indirectSpecularClearcoatLobe', 'directSpecularGlassLobe', 'indirectSpecularGlassLobe'],
  ...['subsurfaceLobe', 'transmissiveGlassLobe', 'transmissiveSingleScatterLobe'],
];

/**
 * RenderMan, as its own denoiser wants the frame: `mse` is the variance of the mean of `Ci`, layers `_mse` and `_var` are
 * those of the guides. `diffuse` and `specular` are what that denoiser filters apart. Sign and unit of `forward` and `backward` are not documented: they are not read
 * unless a request says how.
 */
export const renderman: RenderSource = {
  name: 'renderman',
  description: 'RenderMan',
  references: [
    'https://rmanwiki.pixar.com/display/REN24/Denoising',
    'https://renderman.pixar.com/resources/RenderMan_20/risDenoise.html',
    'https://sidefx.com/docs/houdini/nodes/lop/labs--karma_aovs_for_prman_denoiser-1.0.html',
  ],
  detect: {
    attributes: [],
    channels: [
      /(^|\.)Ci\./,
      /(^|\.)(albedo|normal|zfiltered|diffuse|specular)_(var|mse)(\.|$)/,
      /(^|\.)mse\./,
      /(^|\.)zfiltered(\.|$)/,
      /(^|\.)(direct|indirect)(Diffuse|Specular)(Lobe|\w+Lobe)?\./,
    ],
  },
  roles: {
    color: ['Ci.RGB', 'RGB', 'beauty.RGB'],
    albedo: ['albedo.RGB'],
    normal: ['normal.XYZ', 'normal.RGB', 'Nn.XYZ', 'N.XYZ', 'Nn.RGB'],
    depth: ['zfiltered.Z', 'zfiltered.R', 'z.Z'],
    motion: ['forward.XYZW', 'forward.RGBA', 'forward.XY', 'forward.RG', 'forward.XYZ', 'forward.RGB'],
  },
  variances: [
    { role: 'colorVariance', layer: 'mse.RGB', kind: 'mean' },
    { role: 'albedoVariance', layer: 'albedo_mse.RGB', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_mse.XYZ', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_mse.RGB', kind: 'mean' },
    { role: 'albedoVariance', layer: 'albedo_var.RGB', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_var.XYZ', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_var.RGB', kind: 'mean' },
  ],
  lights: LIGHTS.map((layer) => ({ layer: `${layer}.RGB` })),
  normalSpace: 'unknown',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'switch on the outputs of the denoiser: they include albedo',
    normal: 'switch on the outputs of the denoiser: they include normal',
    variance: 'switch on the outputs of the denoiser: mse is the measured variance of Ci',
    motion:
      'switch on forward and backward (cross-frame denoising), and say how they are read with the motion option',
    lights: 'add directDiffuse, indirectDiffuse, directSpecular, indirectSpecular, subsurface, emissive',
  },
};
