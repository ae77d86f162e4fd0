import type { ExrPool } from '../../exr/pool.js';
import { type ResolveOptions, resolveLayers } from '../../frame/layers/resolve-layers.js';
import { rasterOf } from '../../frame/planned-image.js';
import type { Raster } from '../../image/raster.js';

/**
 * Alpha of a denoised file, for its picture: 1 channel; undefined where the file has none. Reads the header on the calling
 * thread: not for the thread that answers requests.
 * @throws QuietframeError as `resolveLayers` and `ExrPool.read`.
 */
export async function readAlpha(
  exr: Uint8Array,
  pool: Pick<ExrPool, 'open' | 'read'>,
  { source, layers, view }: Pick<ResolveOptions, 'source' | 'layers' | 'view'>,
  signal: AbortSignal,
): Promise<Raster | undefined> {
  const options = {
    ...(source !== undefined && { source }),
    ...(layers !== undefined && { layers }),
    ...(view !== undefined && { view }),
  };
  const file = pool.open(exr);
  const { alpha } = resolveLayers(file.header.parts, options);
  if (alpha === undefined) return undefined;
  const { part, channels } = alpha.target;
  const select = ({ index }: { readonly index: number }, { name }: { readonly name: string }): boolean =>
    index === part && channels.includes(name);
  return rasterOf(await pool.read(file, { select, signal }), alpha.target);
}
