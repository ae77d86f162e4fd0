import { attributeText } from '../exr/attribute.js';
import type { ExrLayout } from '../exr/layout.js';
import { layersText, resolveLayers } from '../frame/layers/resolve-layers.js';
import type { FileRole } from '../image/joined-parts.js';
import { digestOf } from '../io/sha256.js';
import { VERSION } from '../version.js';
import type { DenoiseExrRequest } from './denoise-file/types.js';

/**
 * Whether the header of a file says that this version made it for such a request. A model that is not asked for may be any.
 * @param frames size of the window, the frame itself included.
 */
export async function isDenoised(
  { parts }: Pick<ExrLayout, 'parts'>,
  request: Pick<
    DenoiseExrRequest,
    | 'model'
    | 'lambda'
    | 'lambdaMap'
    | 'source'
    | 'view'
    | 'wrap'
    | 'alpha'
    | 'components'
    | 'aovs'
    | 'layers'
    | 'motion'
    | 'encoder'
    | 'prefilter'
  > & {
    /** Roles whose layers are in files of their own. */
    readonly files?: readonly FileRole[];
  },
  frames: number,
): Promise<boolean> {
  try {
    const text = (name: string): string =>
      attributeText(parts[0]?.attributes.get(`quietframe:${name}`)) ?? '';
    const { model, lambda = 1, lambdaMap, source = 'auto', alpha = 'auto', components, aovs } = request;
    const { layers = {}, motion = 'auto', encoder = 'auto', view = '', wrap = 'auto' } = request;
    const { prefilter = 'auto' } = request;
    const [name, version] = model?.split('@') ?? [];
    const { files = [] } = request;
    // The result does not have the layers of other files.
    const own = Object.entries(layers).filter(([role]) => !files.some((file) => file === role));
    const { motion: _, ...rest } = request;
    const plan = resolveLayers(parts, {
      ...(files.includes('motion') ? rest : request),
      layers: Object.fromEntries(own),
    });
    const lights = aovs === undefined ? [] : plan.lights.map((light) => light.name);
    const map = lambdaMap && `map ${await digestOf(lambdaMap)}`;
    // Without the split, there is nothing to do but the beauty.
    const split = components === 'split' && plan.layers.diffuseColor !== undefined;
    return (
      text('software') === `quietframe ${VERSION}` &&
      (map === undefined ? Number(text('lambda')) === lambda : text('lambda') === map) &&
      (text('components') || 'beauty') === (split ? 'split' : 'beauty') &&
      Number(text('frames')) === frames &&
      text('alpha') === alpha &&
      // A shot chooses once for all of its frames what `auto` had chosen for each.
      (wrap === 'auto' ? text('wrapChoice') === '' : (text('wrap') || 'none') === wrap) &&
      text('aovs') === lights.join(', ') &&
      text('layers') === layersText(layers) &&
      text('files') === files.join(',') &&
      (text('encoderChoice') || 'auto') === encoder &&
      (text('prefilterChoice') || 'auto') === prefilter &&
      text('view') === view &&
      (text('motion') || 'auto') === motion &&
      (name === undefined || text('model') === name) &&
      (version === undefined || text('version') === version) &&
      (source === 'auto' || text('source') === source)
    );
  } catch {
    return false;
  }
}

/** How many frames a file says that it was denoised from, itself included; undefined where it says nothing. */
export function framesDenoisedFrom({ parts: [part] }: Pick<ExrLayout, 'parts'>): number | undefined {
  const frames = Number(attributeText(part?.attributes.get('quietframe:frames')));
  return Number.isInteger(frames) && frames > 0 ? frames : undefined;
}
