import type { LightLayer, RenderSource } from '../render-source.js';

const LIGHTS = [
  ...['DiffuseLighting', 'GlobalIllumination', 'GI', 'SubsurfaceScatter', 'SubsurfaceScattering', 'SSS'],
  ...['SpecularLighting', 'Reflections', 'Refractions', 'Emission', 'Caustics', 'Background'],
  ...['VolumeLighting', 'VolumeFogEmission'],
];
/** Beauty = diffuse filter x (raw lighting + raw GI + raw subsurface + raw caustics) + ...: light that was not multiplied yet. */
const RAW: readonly (readonly [layer: string, surface: string])[] = [
  ['DiffuseLightingRaw', 'DiffuseFilter'],
  ['GlobalIlluminationRaw', 'DiffuseFilter'],
  ['GIRaw', 'DiffuseFilter'],
  ['SubsurfaceScatteringRaw', 'DiffuseFilter'],
  ['CausticsRaw', 'DiffuseFilter'],
  ['ReflectionsRaw', 'ReflectionsFilter'],
  ['RefractionsRaw', 'RefractionsFilter'],
];

/**
 * Redshift. Every AOV is a file by itself or a layer of one file. `Diffuse Filter` is the surface's color without light.
 * Motion vectors are two-dimensional, in red and green; the unit is a setting that the file does not have: they are not read
 * unless a request says how. A light group's layer is `AOV_<group>`.
 */
export const redshift: RenderSource = {
  name: 'redshift',
  description: 'Redshift',
  references: [
    'https://help.maxon.net/r3d/maya/en-us/Content/html/Integrated+AOVs.html',
    'https://docs.redshift3d.com/display/RSDOCS/AOV+Tutorial',
  ],
  detect: {
    attributes: [/^redshift/i],
    channels: [
      /(^|\.)(rsAov_)?(DiffuseLighting|SpecularLighting|VolumeLighting)(Raw)?(\.|_)/,
      /(^|\.)(rsAov_)?DiffuseFilter\./,
      /(^|\.)(rsAov_)?(Reflections|Refractions)(Raw|Filter)?\./,
      /(^|\.)(rsAov_)?(GlobalIllumination|GIRaw|GlobalIlluminationRaw|SubsurfaceScatteringRaw)\./,
      /(^|\.)(rsAov_)?(BumpNormals|MotionVectors)\./,
    ],
  },
  roles: {
    color: ['RGB', 'RGBA.RGB', 'Beauty.RGB', 'Main.RGB'],
    albedo: ['DiffuseFilter.RGB', 'rsAov_DiffuseFilter.RGB'],
    normal: ['BumpNormals', 'Normals', 'N', 'rsAov_BumpNormals', 'rsAov_Normals'].flatMap((layer) => [
      `${layer}.XYZ`,
      `${layer}.RGB`,
    ]),
    depth: ['Z', 'Depth.Z', 'Depth.R', 'Z.Z'],
    motion: ['MotionVectors.RGBA', 'MotionVectors.RG', 'MotionVectors.XY', 'rsAov_MotionVectors.RG'],
    diffuseDirect: ['DiffuseLightingRaw.RGB'],
    diffuseIndirect: ['GlobalIlluminationRaw.RGB', 'GIRaw.RGB'],
    diffuseColor: ['DiffuseFilter.RGB'],
  },
  variances: [],
  lights: [
    ...['Beauty_*', 'DiffuseLighting_*', 'SpecularLighting_*'].map(
      (layer): LightLayer => ({ layer: `${layer}.RGB`, isGroup: true }),
    ),
    ...RAW.map(([layer, surface]): LightLayer => ({ layer: `${layer}.RGB`, surface: `${surface}.RGB` })),
    ...LIGHTS.flatMap((layer): LightLayer[] => [{ layer: `${layer}.RGB` }, { layer: `rsAov_${layer}.RGB` }]),
  ],
  normalSpace: 'world',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add the AOV Diffuse Filter',
    normal: 'add the AOV Bump Normals (or Normals)',
    variance: 'render each frame twice with half the samples and another seed, and give both as half buffers',
    motion:
      'switch on motion blur and the AOV Motion Vectors without filtering and clamping, and say how it is read with the motion option',
    lights:
      'add Diffuse Lighting, Global Illumination, Specular Lighting, Reflections, Refractions, SSS, Emission, or light groups',
  },
};
