import { attributeText } from '../exr/attribute.js';
import type { ExrPool } from '../exr/exr-pool.js';
import { resolveLayers } from '../frame/resolve-layers.js';
import { VERSION } from '../version.js';
import type { DenoiseExrRequest } from './denoise-exr.js';

/**
 * Whether a file says by its attributes that this version made it for such a request. A model that is not asked for may be
 * any; files that are no OpenEXR are not denoised.
 * @param frames size of the window, the frame itself included.
 */
export function isDenoised(
  exr: Uint8Array,
  request: Pick<DenoiseExrRequest, 'model' | 'lambda' | 'source' | 'alpha' | 'aovs' | 'layers'>,
  frames: number,
  pool: Pick<ExrPool, 'header'>,
): boolean {
  try {
    const { parts } = pool.header(exr);
    const text = (name: string): string =>
      attributeText(parts[0]?.attributes.get(`quietframe:${name}`)) ?? '';
    const { model, lambda = 1, source = 'auto', alpha = 'copy', aovs } = request;
    const [name, version] = model?.split('@') ?? [];
    const lights = aovs === undefined ? [] : resolveLayers(parts, request).lights.map((light) => light.name);
    return (
      text('software') === `quietframe ${VERSION}` &&
      Number(text('lambda')) === lambda &&
      Number(text('frames')) === frames &&
      text('alpha') === alpha &&
      text('aovs') === lights.join(', ') &&
      (name === undefined || text('model') === name) &&
      (version === undefined || text('version') === version) &&
      (source === 'auto' || text('source') === source)
    );
  } catch {
    return false;
  }
}
