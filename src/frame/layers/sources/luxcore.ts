import type { LightLayer, RenderSource } from '../render-source.js';

/** Lobes by way of light, each with its reflected and transmitted parts. */
const LOBES = ['DIRECT_DIFFUSE', 'DIRECT_GLOSSY', 'INDIRECT_DIFFUSE', 'INDIRECT_GLOSSY', 'INDIRECT_SPECULAR'];

/**
 * LuxCore. Its film writes every output to a file of its own, with channels `R`, `G` and `B`: the files of albedo and normals
 * are named by role. In Blender all are layers of one file. Its guides see through mirrors and glass. `AVG_SHADING_NORMAL` is
 * the mean over the samples, `SHADING_NORMAL` one sample. Denoise without a pixel filter (`NONE`) and before tone mapping
 * (pipeline `NOP`). There is no layer of variances or of motion: `NOISE` is an estimate of convergence.
 */
export const luxcore: RenderSource = {
  name: 'luxcore',
  description: 'LuxCore',
  references: ['https://wiki.luxcorerender.org/LuxCore_SDL_Reference_Manual_v2.6'],
  detect: {
    attributes: [],
    channels: [
      /(^|\.)(AVG_SHADING_NORMAL|SHADING_NORMAL|GEOMETRY_NORMAL|LANDSCAPE_GEOMETRY_NORMAL)\./,
      /(^|\.)(DIRECT|INDIRECT)_(DIFFUSE|GLOSSY|SPECULAR)(_REFLECT|_TRANSMIT)?\./,
      /(^|\.)RADIANCE_GROUP\w*\./,
      /(^|\.)(RGB_IMAGEPIPELINE|MATERIAL_ID_COLOR|SAMPLECOUNT|CONVERGENCE|IRRADIANCE)\w*\./,
    ],
  },
  roles: {
    color: ['Combined.RGB', 'RGB.RGB', 'RGB', 'RGB_IMAGEPIPELINE.RGB'],
    albedo: ['ALBEDO.RGB'],
    normal: ['AVG_SHADING_NORMAL', 'SHADING_NORMAL', 'GEOMETRY_NORMAL'].flatMap((layer) => [
      `${layer}.XYZ`,
      `${layer}.RGB`,
    ]),
    depth: ['DEPTH.Z', 'DEPTH.R', 'Depth.Z'],
  },
  variances: [],
  lights: [
    { layer: 'RADIANCE_GROUP*.RGB', isGroup: true },
    ...LOBES.flatMap((lobe): LightLayer[] =>
      ['', '_REFLECT', '_TRANSMIT'].map((part) => ({ layer: `${lobe}${part}.RGB` })),
    ),
    { layer: 'EMISSION.RGB' },
    { layer: 'CAUSTIC.RGB' },
  ],
  normalSpace: 'world',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add film.outputs.N.type = ALBEDO, whose file is given with --albedo',
    normal: 'add film.outputs.N.type = AVG_SHADING_NORMAL, whose file is given with --normal',
    variance:
      'render twice with half the samples and another renderengine.seed, and give both as half buffers',
    motion: 'LuxCore writes no motion vectors: they are estimated',
    lights:
      'add film.outputs of the types DIRECT_DIFFUSE, DIRECT_GLOSSY, INDIRECT_DIFFUSE, INDIRECT_GLOSSY, INDIRECT_SPECULAR, EMISSION, or RADIANCE_GROUP',
  },
};
