import type { LightLayer, RenderSource } from '../render-source.js';

/** Layers that hold the beauty, the surest names first. */
const BEAUTIES = [
  ...[
    'RGBA',
    'beauty',
    'C',
    'Ci',
    'Combined',
    'rgb',
    'color',
    'main',
    'FinalImage',
    'image',
    'default',
    'master',
  ],
];

/**
 * Any other renderer: names that many use, and plain ones; what is looked for in every file after its renderer's own names. Variance layers
 * whose convention is not known (Arnold's `variance`) are left alone.
 */
export const generic: RenderSource = {
  name: 'generic',
  description: 'Any renderer',
  references: [],
  detect: { attributes: [], channels: [] },
  roles: {
    color: ['RGB', ...BEAUTIES.map((name) => `${name}.RGB`), 'YYY', ...BEAUTIES.map((name) => `${name}.YYY`)],
    albedo: [
      'denoise_albedo.RGB',
      'diffuse_albedo_noice.RGB',
      'diffuse_albedo.RGB',
      'albedo.RGB',
      'VRayDiffuseFilter.RGB',
      'diffuseFilter.RGB',
      'diffuse_filter.RGB',
      'albedo.YYY',
    ],
    normal: [
      'N_noice.XYZ',
      'AVG_SHADING_NORMAL.RGB',
      'SHADING_NORMAL.RGB',
      'normal.XYZ',
      'normals.XYZ',
      'N.XYZ',
      'hitN.XYZ',
      'VRayNormals.XYZ',
      'bump_normals.XYZ',
      'normal.RGB',
      'normals.RGB',
      'N.RGB',
      'VRayNormals.RGB',
    ],
    depth: [
      'Z',
      'depth.Z',
      'zDepth.Z',
      'VRayZDepth.Z',
      'Z_noice.Z',
      'zfiltered.Z',
      'hitPz.Z',
      'depth.R',
      'depth.V',
      'depth.Y',
    ],
    // Four channels hold both directions, which `to-both` and `cycles` read.
    motion: [
      ...['motionvector', 'motion', 'velocity', 'VRayVelocity', 'forward'].flatMap((layer) =>
        ['XYZW', 'XY', 'UV'].map((channels) => `${layer}.${channels}`),
      ),
      ...['forward.RGBA', 'forward.RG', 'motionvector.RG', 'motion.RG', 'velocity.RG'],
    ],
  },
  variances: [
    { role: 'colorVariance', layer: 'mse.RGB', kind: 'mean' },
    { role: 'albedoVariance', layer: 'albedo_var.RGB', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_var.XYZ', kind: 'mean' },
    { role: 'normalVariance', layer: 'normal_var.RGB', kind: 'mean' },
  ],
  lights: [
    // Arnold's light groups and lobes; RenderMan's and Karma's lobes; V-Ray's elements.
    ...['RGBA_*', 'lightgroup_*', 'light_group_*', 'VRayLightSelect*'].map(group),
    ...['diffuse', 'specular', 'coat', 'sheen', 'transmission', 'sss', 'volume'].flatMap((lobe) => [
      `${lobe}_direct`,
      `${lobe}_indirect`,
    ]),
    ...[
      'directDiffuse',
      'indirectDiffuse',
      'directSpecular',
      'indirectSpecular',
      'subsurface',
      'transmissive',
    ],
    ...[
      'VRayLighting',
      'VRayGlobalIllumination',
      'VRayReflection',
      'VRayRefraction',
      'VRaySpecular',
      'VRaySSS2',
    ],
    ...['VRaySelfIllumination', 'VRayBackground', 'emission', 'emissive', 'background'],
  ].map((layer) => (typeof layer === 'string' ? { layer: `${layer}.RGB` } : layer)),
  normalSpace: 'unknown',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'write a layer albedo with the surface colors without light',
    normal: 'write a layer N or normal with the shading normals',
    variance: 'render each frame twice with half the samples and another seed, and give both as half buffers',
    motion: 'write a layer motion with offsets in pixels, and say how it is read with the motion option',
    lights: 'write layers of light as light_group_<name>, or name them with the aovs option',
  },
};

function group(layer: string): LightLayer {
  return { layer: `${layer}.RGB`, isGroup: true };
}
