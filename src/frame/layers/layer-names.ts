import type { RenderSource } from './render-source.js';

/** Words of names that a beauty may have. */
const BEAUTY = /^(rgba?|beauty|colou?r|combined|c|ci|main|final|master|primary|default|image|img|render)$/;
/** Words of names of everything that is not the beauty. */
const OTHER =
  /^(albedos?|normals?|n|ns|depth|z|zdepth|p|positions?|motion\w*|velocity|vectors?|forward|backward|var|variance|mse|std\w*|noise|uvs?|st|crypto\w*|ids?|masks?|mattes?|shadow\w*|ao|occlusion|diffuse\w*|specular\w*|gloss\w*|reflect\w*|refract\w*|transmi\w*|coat|sheen|sss|subsurface\w*|volume\w*|emissi\w*|background|environment|direct\w*|indirect\w*|lightgroup\w*|gi|illumination|denois\w*|object\w*|material\w*|asset\w*|index|facing|fresnel|samples?|heat\w*|mist|fog|rough\w*|metal\w*|bump\w*|tangent\w*|hit\w*|pref|filter\w*|deep)$/;

/** Words of a name in lower case: `VRayDiffuseFilter` is `v`, `ray`, `diffuse`, `filter`. */
function words(name: string): string[] {
  return name
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z])([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\d]+/u)
    .filter((word) => word !== '');
}

/** The last component of a layer's name. */
export function lastComponent(layer: string): string {
  return layer.slice(layer.lastIndexOf('.') + 1);
}

/** Whether a name is one of a beauty. */
export function isNamedAsBeauty(layer: string): boolean {
  const own = words(lastComponent(layer));
  return own.some((word) => BEAUTY.test(word)) && !own.some((word) => OTHER.test(word));
}

/** Whether a name says that the layer is something else than a beauty. */
export function isNamedAsOther(layer: string): boolean {
  return words(lastComponent(layer)).some((word) => OTHER.test(word));
}

/** Whether a layer is what some denoiser made of another one. Blender's `Denoising Albedo` is not. */
export function isDenoisedCopy(layer: string): boolean {
  return /denoise|noice|oidn|optix/i.test(layer);
}

/** Whether the service has added a layer to a file: it has a meaning where a request names it, and else none. */
export function isAddedResult(layer: string): boolean {
  return layer.startsWith('quietframe.');
}

/** Whether a layer of second moments, E[x^2], goes by this name. */
export function isMoment(layer: string, { secondMomentPrefix: prefix }: RenderSource): boolean {
  if (prefix === undefined) return false;
  return layer.startsWith(prefix) || lastComponent(layer).startsWith(prefix);
}

/** Whether channels that fit an albedo must be something else: Stokes components, copies of the beauty, light. */
export function cannotBeAlbedo(layer: string): boolean {
  const name = lastComponent(layer);
  return (
    /^s[0-3]$/i.test(name) ||
    isDenoisedCopy(layer) ||
    words(name).some((word) => BEAUTY.test(word)) ||
    (isNamedAsOther(name) && !/albedo|diffuse|colou?r/i.test(name))
  );
}
