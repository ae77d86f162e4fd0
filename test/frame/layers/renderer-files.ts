import type { SourceName } from '../../../src/frame/source-names.js';
import type { PartRecipe } from '../../support/exr-files.js';

/** A file as a renderer names its layers, and what has to be found in it. */
export interface RendererFile {
  readonly source: SourceName;
  readonly parts: readonly PartRecipe[];
  /** The first channel of each role. */
  readonly roles: Readonly<Record<string, string>>;
  /** Layers of light; all others are none. */
  readonly lights: readonly string[];
}

const parts = (...layers: readonly string[]): PartRecipe[] =>
  layers.map((layer) => {
    const dot = layer.lastIndexOf('.');
    return { name: layer.slice(0, dot), layers: [layer.slice(dot + 1)] };
  });
const words = (layer: string): string[] => ['red', 'green', 'blue'].map((word) => `${layer}.=${word}`);

export const RENDERER_FILES: Readonly<Record<string, RendererFile>> = {
  'parts of Arnold': {
    source: 'arnold',
    parts: parts(
      ...['RGBA.RGBA', 'N.XYZ', 'N_denoise.XYZ', 'P.XYZ', 'Z.Z', 'denoise_albedo.RGB', 'albedo.RGB'],
      ...[
        'diffuse_albedo.RGB',
        'specular_albedo.RGB',
        'motionvector.XY',
        'RGBA_key.RGBA',
        'RGBA_denoise.RGBA',
      ],
      ...['diffuse_direct.RGB', 'specular_indirect.RGB', 'sss.RGB', 'emission.RGB', 'variance.RGB'],
      ...['crypto_object00.RGBA', 'AA_inv_density.R'],
    ),
    roles: { color: 'R', albedo: 'R', normal: 'X', motion: 'X' },
    lights: ['RGBA_key', 'diffuse_direct', 'specular_indirect', 'sss', 'emission'],
  },
  'layers of Arnold': {
    source: 'arnold',
    parts: [
      {
        layers: [
          'RGBA',
          'Z',
          'N_noice.XYZ',
          'diffuse_albedo_noice.RGB',
          'Z_noice.Z',
          'variance.RGB',
          'coat_direct.RGB',
        ],
      },
    ],
    roles: { color: 'R', albedo: 'diffuse_albedo_noice.R', normal: 'N_noice.X', depth: 'Z' },
    lights: ['coat_direct'],
  },
  'layers of RenderMan': {
    source: 'renderman',
    parts: [
      {
        layers: [
          ...['Ci.RGB', 'a', 'albedo.RGB', 'albedo_mse.RGB', 'normal.XYZ', 'normal_mse.XYZ', 'mse.RGB'],
          ...[
            'diffuse.RGB',
            'diffuse_mse.RGB',
            'specular.RGB',
            'specular_mse.RGB',
            'forward.XY',
            'backward.XY',
          ],
          ...['directDiffuse.RGB', 'indirectSpecular.RGB', 'sampleCount.Y'],
        ],
      },
    ],
    roles: {
      color: 'Ci.R',
      albedo: 'albedo.R',
      normal: 'normal.X',
      motion: 'forward.X',
      colorVariance: 'mse.R',
      albedoVariance: 'albedo_mse.R',
      normalVariance: 'normal_mse.X',
    },
    lights: ['directDiffuse', 'indirectSpecular', 'diffuse', 'specular'],
  },
  'elements of V-Ray for 3ds Max': {
    source: 'vray',
    parts: [
      {
        attributes: { 'vrayInfo/vrayversion': '7.00' },
        layers: [
          ...['RGBA', 'VRayDiffuseFilter.RGB', 'VRayBumpNormals.RGB', 'VRayNormals.RGB', 'VRayZDepth.Z'],
          ...['VRayVelocity.RGB', 'VRayLighting.RGB', 'VRayGlobalIllumination.RGB', 'VRayReflection.RGB'],
          ...['VRayReflectionFilter.RGB', 'VRaySelfIllumination.RGB', 'VRayRawLighting.RGB'],
          ...['VRayRawGlobalIllumination.RGB', 'VRayLightSelect_key.RGB', 'VRayMtlID.RGB'],
        ],
      },
    ],
    roles: {
      color: 'R',
      albedo: 'VRayDiffuseFilter.R',
      normal: 'VRayBumpNormals.R',
      diffuseDirect: 'VRayRawLighting.R',
      diffuseIndirect: 'VRayRawGlobalIllumination.R',
      diffuseColor: 'VRayDiffuseFilter.R',
    },
    lights: [
      ...['VRayLightSelect_key', 'VRayRawLighting', 'VRayRawGlobalIllumination', 'VRayLighting'],
      ...['VRayGlobalIllumination', 'VRayReflection', 'VRaySelfIllumination'],
    ],
  },
  'channels of V-Ray for Maya': {
    source: 'vray',
    parts: [
      {
        layers: [
          ...['RGBA', ...words('diffuse'), 'bump_normals.XYZ', ...words('lighting'), ...words('GI')],
          ...[...words('reflect'), ...words('refract'), ...words('specular'), ...words('SSS')],
          ...[...words('selfIllum'), ...words('reflectionFilter'), 'other.=noiseLevel'],
        ],
      },
    ],
    roles: { color: 'R', albedo: 'diffuse.red', normal: 'bump_normals.X' },
    lights: ['lighting', 'GI', 'reflect', 'refract', 'specular', 'SSS', 'selfIllum'],
  },
  'layers of Redshift': {
    source: 'redshift',
    parts: [
      {
        layers: [
          ...[
            'RGBA',
            'DiffuseFilter.RGB',
            'BumpNormals.RGB',
            'N.RGB',
            'Z',
            'MotionVectors.RG',
            'DiffuseLighting.RGB',
          ],
          ...[
            'DiffuseLightingRaw.RGB',
            'GIRaw.RGB',
            'SpecularLighting.RGB',
            'Reflections.RGB',
            'Emission.RGB',
          ],
        ],
      },
    ],
    roles: {
      color: 'R',
      albedo: 'DiffuseFilter.R',
      normal: 'BumpNormals.R',
      motion: 'MotionVectors.R',
      diffuseDirect: 'DiffuseLightingRaw.R',
      diffuseIndirect: 'GIRaw.R',
      diffuseColor: 'DiffuseFilter.R',
    },
    lights: ['DiffuseLighting', 'DiffuseLightingRaw', 'GIRaw', 'SpecularLighting', 'Reflections', 'Emission'],
  },
  'parts of Karma': {
    source: 'karma',
    parts: parts(
      ...['C.RGBA', 'C_key.RGBA', 'albedo.RGB', 'N.XYZ', 'hitPz.Z', 'motionvectors.XY', 'mse.RGB', 'sss.RGB'],
      ...[
        'combineddiffuse.RGB',
        'directdiffuse.RGB',
        'indirectglossyreflection.RGB',
        'glossytransmission.RGB',
      ],
      ...['beautyunshadowed.RGB', 'cputime.R'],
    ),
    roles: { color: 'R', albedo: 'R', normal: 'X', motion: 'X', colorVariance: 'R' },
    lights: [
      ...['C_key', 'sss', 'combineddiffuse', 'directdiffuse'],
      ...['indirectglossyreflection', 'glossytransmission'],
    ],
  },
  'passes of LuxCore in Blender': {
    source: 'luxcore',
    parts: [
      {
        attributes: { Software: 'Blender 5.2' },
        layers: [
          ...[
            'V.Combined.RGBA',
            'V.ALBEDO.RGB',
            'V.AVG_SHADING_NORMAL.XYZ',
            'V.DEPTH.Z',
            'V.DIRECT_DIFFUSE.RGB',
          ],
          ...['V.INDIRECT_GLOSSY.RGB', 'V.INDIRECT_SPECULAR.RGB', 'V.EMISSION.RGB', 'V.RADIANCE_GROUP_0.RGB'],
          ...['V.NOISE.X', 'V.SAMPLECOUNT.X'],
        ],
      },
    ],
    roles: { color: 'V.Combined.R', albedo: 'V.ALBEDO.R', normal: 'V.AVG_SHADING_NORMAL.X' },
    lights: ['RADIANCE_GROUP_0', 'DIRECT_DIFFUSE', 'INDIRECT_GLOSSY', 'INDIRECT_SPECULAR', 'EMISSION'],
  },
  'elements of Corona': {
    source: 'corona',
    parts: [
      {
        layers: [
          ...['RGBA', 'CShading_Albedo.RGB', 'CGeometry_NormalsShading.RGB', 'CGeometry_ZDepth.RGB'],
          ...['CESSENTIAL_Direct.RGB', 'CESSENTIAL_Indirect.RGB', 'CESSENTIAL_Reflect.RGB'],
          ...['CShading_LightSelect_sun.RGB', 'CGeometry_Velocity.RGB', 'CMasking_ID.RGB'],
        ],
      },
    ],
    roles: { color: 'R', albedo: 'CShading_Albedo.R', normal: 'CGeometry_NormalsShading.R' },
    lights: ['CShading_LightSelect_sun', 'CESSENTIAL_Direct', 'CESSENTIAL_Indirect', 'CESSENTIAL_Reflect'],
  },
  'passes of Octane': {
    source: 'octane',
    parts: [
      {
        layers: [
          ...['RGBA', 'Denoise albedo.RGB', 'Denoise normal.RGB', 'Shading normal.RGB', 'Diffuse direct.RGB'],
          ...['Diffuse filter.RGB', 'Reflection.RGB', 'Emitters.RGB', 'Light 1.RGB', 'Motion vector.RGB'],
        ],
      },
    ],
    roles: { color: 'R', albedo: 'Denoise albedo.R', normal: 'Denoise normal.R', motion: 'Motion vector.R' },
    lights: ['Light 1', 'Diffuse direct', 'Reflection', 'Emitters'],
  },
  'passes of Blender 5.2': {
    source: 'cycles',
    parts: [
      {
        attributes: { Software: 'Blender 5.2.3' },
        layers: [
          ...[
            'V.Combined.RGBA',
            'V.Denoising Albedo.RGB',
            'V.Denoising Specular Albedo.RGB',
            'V.Denoising Normal.XYZ',
          ],
          ...[
            'V.Denoising Roughness.X',
            'V.Position.XYZ',
            'V.Vector.XYZW',
            'V.Volume Scatter.RGB',
            'V.Volume Direct.RGB',
          ],
          ...['V.Render Time.X', 'V.Combined_key.RGB', 'V.CryptoObject00.rgba'],
        ],
      },
    ],
    roles: {
      color: 'V.Combined.R',
      albedo: 'V.Denoising Albedo.R',
      normal: 'V.Denoising Normal.X',
      motion: 'V.Vector.X',
    },
    lights: ['Combined_key', 'Volume Direct'],
  },
};
