import type { LightLayer, RenderSource } from '../render-source.js';

/** Lobes, each with its direct and its indirect light. */
const LOBES = ['diffuse', 'specular', 'coat', 'sheen', 'transmission', 'sss', 'volume'];
const SUMS = ['direct', 'indirect', 'emission', 'background'];

/**
 * Arnold. Layers are `AOV.C`, in parts of that name where the driver writes several. Albedos are those of surfaces and
 * volumes without light; layers of light contain them. `N` is in world space, `N_denoise` and the layers of the `noice`
 * denoiser are made for denoisers. How the `variance` filter counts is not documented, and neither are sign and unit of
 * `motionvector`: neither is read unless a request says how. A light group's layer is `AOV_<group>`.
 */
export const arnold: RenderSource = {
  name: 'arnold',
  description: 'Arnold',
  references: [
    'https://help.autodesk.com/view/ARNOL/ENU/?guid=arnold_user_guide_ac_output_aovs_ac_aovs_html',
    'https://help.autodesk.com/cloudhelp/ENU/AR-Core/files/ac-denoising/arnold_user_guide_ac_denoising_ac_arnold_denoiser_html.html',
  ],
  detect: {
    attributes: [/^arnold\//],
    channels: [
      /(^|\.)(denoise_albedo|N_denoise|N_noice|Z_noice|diffuse_albedo_noice)\./,
      /(^|\.)(diffuse|specular|coat|sheen|transmission|sss|volume)_(direct|indirect)\./,
      /(^|\.)(diffuse|specular|coat|sheen|transmission|sss|volume)_albedo\./,
      /(^|\.)(AA_inv_density|volume_Z|shadow_matte)\./,
      /(^|\.)motionvector\./,
    ],
  },
  roles: {
    color: ['RGB', 'RGBA.RGB', 'beauty.RGB'],
    albedo: ['denoise_albedo.RGB', 'diffuse_albedo_noice.RGB', 'albedo.RGB', 'diffuse_albedo.RGB'],
    normal: ['N_denoise.XYZ', 'N_noice.XYZ', 'N.XYZ', 'N_denoise.RGB', 'N_noice.RGB', 'N.RGB'],
    depth: ['Z', 'Z.Z', 'Z_noice.Z'],
    motion: ['motionvector.XYZW', 'motionvector.XY', 'motionvector.RG'],
  },
  variances: [],
  lights: [
    { layer: 'RGBA_*.RGB', isGroup: true },
    ...LOBES.flatMap((lobe): LightLayer[] =>
      ['_direct', '_indirect', ''].map((way) => ({ layer: `${lobe}${way}.RGB` })),
    ),
    ...SUMS.map((layer): LightLayer => ({ layer: `${layer}.RGB` })),
  ],
  normalSpace: 'world',
  motionConvention: 'unknown',
  recipe: {
    albedo: 'add the AOV denoise_albedo (older versions: albedo)',
    normal: 'add the AOV N_denoise (older versions: N)',
    variance:
      'render each frame twice with half the AA samples and another AA seed, and give both as half buffers',
    motion:
      'add the AOV motionvector with an instantaneous shutter: motion during the motion blur length, which must be a whole frame; say how it is read with the motion option',
    lights: 'add diffuse_direct, diffuse_indirect, specular_direct, ..., or light groups as RGBA_<group>',
  },
};
