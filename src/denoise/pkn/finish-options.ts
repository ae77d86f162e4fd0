import { expected, invalidArgument, QuietframeError } from '../../errors.js';
import type { Frame } from '../../frame/frame.js';
import type { Raster } from '../../image/raster.js';
import { magnified } from '../../pkn/gaussian-rbf.js';
import { MAX_STRENGTH } from '../../pkn/parameter-map.js';
import { BLUR_SIGMA } from '../../pkn/polynomial-deblur.js';
import type { PostProcessOptions } from '../types.js';

/** Least and most of what requests may ask for. */
export const FINISH_RANGES = {
  upscale: [1, 4],
  deblur: [BLUR_SIGMA.min, BLUR_SIGMA.max],
  strength: [0, MAX_STRENGTH],
} as const;

/**
 * Checks what can be checked before the work.
 * @throws QuietframeError `invalid-argument`.
 */
export function checkFinishOptions({ upscale, deblur, strength }: PostProcessOptions): void {
  const given = { upscale, deblur: deblur === 'auto' ? undefined : deblur, strength };
  for (const [name, value] of Object.entries(given)) {
    const [least, most] = FINISH_RANGES[name as keyof typeof FINISH_RANGES];
    if (value === undefined || (value >= least && value <= most)) continue;
    const range = `${name === 'deblur' ? 'auto, or ' : ''}a number in [${least}, ${most}]`;
    throw invalidArgument(range, name, value);
  }
}

export function checkFinish(options: PostProcessOptions, frame: Frame, also: readonly Raster[]): void {
  checkFinishOptions(options);
  const { guide, upscale = 1 } = options;
  if (guide === undefined) return;
  const [width, height] = [magnified(frame.width, upscale), magnified(frame.height, upscale)];
  for (const layer of [guide, guide.albedo, guide.normal]) {
    if (layer === undefined || (layer.width === width && layer.height === height)) continue;
    const message = expected(`${width} x ${height} pixels`, 'the guide', `${layer.width} x ${layer.height}`);
    throw new QuietframeError('mismatched-frames', message, { frame: 'guide' });
  }
  if (also.some(({ channels }) => channels === 0)) throw invalidArgument('1 channel or more', 'also', 0);
}
