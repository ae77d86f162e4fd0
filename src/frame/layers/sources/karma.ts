import type { LightLayer, RenderSource } from '../render-source.js';

const LIGHTS = [
  ...['combineddiffuse', 'directdiffuse', 'indirectdiffuse'],
  ...['combinedglossyreflection', 'directglossyreflection', 'indirectglossyreflection'],
  ...['glossytransmission', 'coat', 'sss', 'visiblelights'],
  ...['combinedemission', 'directemission', 'indirectemission'],
  ...['combinedvolume', 'directvolume', 'indirectvolume'],
];

/**
 * Houdini's Karma: the beauty is `C`; with light tags, every layer has copies `AOV_<tag>`. The node for RenderMan's denoiser
 * adds that one's names. Sign and unit of motion vectors are not documented: they are not read unless a request says how.
 */
export const karma: RenderSource = {
  name: 'karma',
  description: 'Karma',
  references: [
    'https://www.sidefx.com/docs/houdini/nodes/lop/karmastandardrendervars.html',
    'https://www.sidefx.com/docs/houdini/solaris/support/aovs.html',
    'https://sidefx.com/docs/houdini/nodes/lop/labs--karma_aovs_for_prman_denoiser-1.0.html',
  ],
  detect: {
    attributes: [/^karma/i, /^husk/i],
    channels: [
      /(^|\.)(combined|direct|indirect)(diffuse|glossyreflection|emission|volume)(unshadowed|shadow)?(_\w+)?\./,
      /(^|\.)(glossytransmission|visiblelights|beautyunshadowed)(_\w+)?\./,
      /(^|\.)(hitN|hitP|hitPz|hituv|motionvectors|oraclevariance)(\.|$)/,
    ],
  },
  roles: {
    color: ['C.RGB', 'RGB', 'Ci.RGB', 'beauty.RGB'],
    albedo: ['albedo.RGB', 'albedodiffuse.RGB', 'basecolor.RGB', 'export_basecolor.RGB'],
    normal: ['N.XYZ', 'hitN.XYZ', 'normal.XYZ', 'N.RGB', 'hitN.RGB', 'normal.RGB'],
    depth: ['hitPz.Z', 'depth.Z', 'hitPz.R', 'depth.R'],
    motion: ['motionvectors', 'motionvector'].flatMap((layer) => [
      `${layer}.XYZW`,
      `${layer}.XY`,
      `${layer}.RG`,
    ]),
  },
  variances: [
    { role: 'colorVariance', layer: 'mse.RGB', kind: 'mean' },
    { role: 'albedoVariance', layer: 'albedo_mse.RGB', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_mse.XYZ', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_mse.RGB', kind: 'mean' },
  ],
  lights: [
    ...['C_*', ...LIGHTS.map((layer) => `${layer}_*`)].map(
      (layer): LightLayer => ({ layer: `${layer}.RGB`, isGroup: true }),
    ),
    ...LIGHTS.map((layer): LightLayer => ({ layer: `${layer}.RGB` })),
  ],
  normalSpace: 'world',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'switch on the render var Albedo',
    normal: 'switch on the render var Ray Hit N (N)',
    variance:
      'add the node Labs Karma AOVs for RenderMan Denoiser, whose mse is measured, or give two renders with different seeds as half buffers',
    motion:
      'switch on the render var Motion Vectors with an instantaneous shutter, and say how it is read with the motion option',
    lights:
      'switch on Direct and Indirect Diffuse, Direct and Indirect Glossy Reflection, Glossy Transmission, SSS, Emission, Volume, or split C by light tags',
  },
};
