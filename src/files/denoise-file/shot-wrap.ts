import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import type { InputWarning } from '../../frame/frame.js';
import { looksLikePanorama } from '../../frame/panorama.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import { planSource } from '../window/planned-source.js';
import { readPlanned } from '../window/read-planned.js';
import type { DenoiseExrOptions } from './types.js';
import { maybePanorama, type WrapMode } from './wrap.js';

type Reading = Pick<DenoiseExrOptions, 'source' | 'view' | 'layers' | 'signal' | 'wrap'>;

/**
 * What `auto` means for all frames of a shot, by one of them. Frames that are not twice as wide as high never wrap, and are not
 * decoded.
 * @returns `auto` where every frame would decide alike, and the warning where the frame is in doubt.
 * @throws QuietframeError as `resolveLayers` and `readPlanned`.
 */
export async function wrapOfShot(
  exr: ExrSource,
  { signal, ...request }: Reading,
  pool: Pick<ExrPool, 'read'>,
): Promise<{ readonly wrap: WrapMode; readonly warning?: InputWarning }> {
  const { wrap = 'auto' } = request;
  if (wrap !== 'auto') return { wrap };
  const planned = planSource(exr, request);
  const { dataWindow } = planned.plan;
  if (boxWidth(dataWindow) !== 2 * boxHeight(dataWindow)) return { wrap };
  const read = await readPlanned(planned, pool, signal && { signal });
  const panorama = looksLikePanorama((await buildFrameOffThread(read, undefined, signal)).frame);
  if (panorama === 'yes') return { wrap: 'x' };
  return { wrap: 'none', ...(panorama === 'maybe' && { warning: maybePanorama() }) };
}
