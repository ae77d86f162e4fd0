import type { ExrPool } from '../../exr/pool.js';
import type { InputWarning } from '../../frame/frame.js';
import { resolveLayers } from '../../frame/layers/resolve-layers.js';
import { looksLikePanorama } from '../../frame/panorama.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import { readPlanned } from '../window/read-planned.js';
import type { DenoiseExrRequest } from './types.js';
import { maybePanorama, type WrapMode } from './wrap.js';

type Reading = Pick<DenoiseExrRequest, 'source' | 'view' | 'layers' | 'signal' | 'wrap'>;

/**
 * What `auto` means for all frames of a shot, by one of them. Frames that are not twice as wide as high never wrap, and are not
 * decoded.
 * @returns `auto` where every frame would decide alike, and the warning where the frame is in doubt.
 * @throws QuietframeError as `readPlanned`.
 */
export async function wrapOfShot(
  exr: Uint8Array,
  { signal, ...request }: Reading,
  pool: ExrPool,
): Promise<{ readonly wrap: WrapMode; readonly warning?: InputWarning }> {
  const { wrap = 'auto' } = request;
  if (wrap !== 'auto') return { wrap };
  const { dataWindow } = resolveLayers(pool.header(exr).parts, request);
  if (boxWidth(dataWindow) !== 2 * boxHeight(dataWindow)) return { wrap };
  const read = await readPlanned(exr, pool, { ...request, ...(signal && { signal }) });
  const panorama = looksLikePanorama((await buildFrameOffThread(read, undefined, signal)).frame);
  if (panorama === 'yes') return { wrap: 'x' };
  return { wrap: 'none', ...(panorama === 'maybe' && { warning: maybePanorama() }) };
}
