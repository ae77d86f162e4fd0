import type { LightLayer, RenderSource } from '../render-source.js';

/** Elements of light that add up to the beauty, by their name in 3ds Max and by that of the other hosts' channels. */
const LIGHTS: readonly (readonly string[])[] = [
  ['VRayLighting', 'lighting'],
  ['VRayGlobalIllumination', 'GI'],
  ['VRayReflection', 'reflect', 'reflection'],
  ['VRayRefraction', 'refract', 'refraction'],
  ['VRaySpecular', 'specular'],
  ['VRaySSS2', 'VRaySSS', 'SSS', 'sss2'],
  ['VRaySelfIllumination', 'selfIllum', 'self_illum'],
  ['VRayCaustics', 'caustics'],
  ['VRayBackground', 'background'],
  ['VRayAtmosphere', 'atmosphere', 'atmospheric_effects'],
];
/** Light that was not multiplied yet, and the filter that it is multiplied by. */
const RAW: readonly (readonly [layer: string, surface: string])[] = [
  ['VRayRawLighting', 'VRayDiffuseFilter'],
  ['VRayRawGlobalIllumination', 'VRayDiffuseFilter'],
  ['VRayRawReflection', 'VRayReflectionFilter'],
  ['VRayRawRefraction', 'VRayRefractionFilter'],
  ['rawLight', 'diffuse'],
  ['light_raw', 'diffuse'],
  ['rawGI', 'diffuse'],
  ['gi_raw', 'diffuse'],
  ['rawReflection', 'reflectionFilter'],
  ['rawRefraction', 'refractionFilter'],
];

/**
 * V-Ray. 3ds Max names the elements `VRay...`; other hosts write `diffuse.red`. The element `diffuse` is the surface's color
 * without light. Raw lighting and raw GI times that color are lighting and GI. Bump normals are in screen space. Velocity may
 * be limited and stored as a color, which the file does not say: it is not read unless a request says how.
 */
export const vray: RenderSource = {
  name: 'vray',
  description: 'V-Ray',
  references: [
    'https://docs.chaos.com/display/VNUKE/Render+Elements',
    'https://docs.chaos.com/display/VMAX/Render+Elements',
    'https://docs.chaos.com/display/VRAYHOUDINI/V-Ray+Velocity',
  ],
  detect: {
    attributes: [/^vrayInfo\//],
    channels: [
      /(^|\.)VRay[A-Z]\w*(\.|$)/,
      /(^|\.)(rawLight|light_raw|rawGI|gi_raw|rawReflection|rawRefraction)\./i,
      /(^|\.)(selfIllum|self_illum|reflect|refract)\./i,
      /(^|\.)(reflectionFilter|refractionFilter|diffuseFilter)\./i,
      /(^|\.)(bump_normals|bumpNormals)\./i,
    ],
  },
  roles: {
    color: ['RGB', 'RGBA.RGB', 'rgb.RGB', 'beauty.RGB'],
    albedo: ['VRayDiffuseFilter.RGB', 'diffuseFilter.RGB', 'diffuse_filter.RGB', 'diffuse.RGB'],
    normal: [
      ...['VRayBumpNormals', 'bump_normals', 'bumpNormals', 'VRayNormals', 'normals'].flatMap((layer) => [
        `${layer}.XYZ`,
        `${layer}.RGB`,
      ]),
    ],
    depth: ['VRayZDepth.Z', 'VRayZDepth.R', 'zDepth.Z', 'Z'],
    motion: [
      'VRayVelocity.XYZW',
      'VRayVelocity.XY',
      'VRayVelocity.RG',
      'velocity.XYZW',
      'velocity.XY',
      'velocity.RG',
    ],
    diffuseDirect: ['VRayRawLighting.RGB', 'rawLight.RGB', 'light_raw.RGB'],
    diffuseIndirect: ['VRayRawGlobalIllumination.RGB', 'rawGI.RGB', 'gi_raw.RGB'],
    diffuseColor: ['VRayDiffuseFilter.RGB', 'diffuseFilter.RGB', 'diffuse.RGB'],
  },
  variances: [],
  lights: [
    ...['VRayLightSelect*', 'light_select*', 'lightSelect*'].map(
      (layer): LightLayer => ({ layer: `${layer}.RGB`, isGroup: true }),
    ),
    ...RAW.map(([layer, surface]): LightLayer => ({ layer: `${layer}.RGB`, surface: `${surface}.RGB` })),
    ...LIGHTS.flat().map((layer): LightLayer => ({ layer: `${layer}.RGB` })),
  ],
  normalSpace: 'unknown',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add the render element VRayDiffuseFilter (Diffuse in other hosts)',
    normal: 'add the render element VRayBumpNormals (Bump Normals)',
    variance:
      'render each frame twice with half the subdivs and another noise pattern, and give both as half buffers',
    motion:
      'add the render element VRayVelocity without clamping: motion to the next frame, in units of its Max Velocity; say how it is read with the motion option',
    lights:
      'add VRayLighting, VRayGlobalIllumination, VRayReflection, VRayRefraction, VRaySpecular, ..., or VRayLightSelect',
  },
};
