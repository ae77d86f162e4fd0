import { expected, QuietframeError } from '../errors.js';
import type { Frame } from '../frame/frame.js';
import type { Raster } from '../image/raster.js';
import { NEIGHBOR_OFFSETS } from '../kpcn/temporal-features.js';
import type { WindowFrame } from './types.js';

/** That a frame of a window does not fit its centre. */
export function differing(offset: number, range: string, received: unknown): QuietframeError {
  const message = expected(range, `the frame at offset ${offset} of the window`, received);
  return new QuietframeError('mismatched-frames', message, { parameter: 'neighbors' });
}

/**
 * Checks the frames around a frame.
 * @throws QuietframeError `invalid-argument` for offsets that are out of range or twice there, `mismatched-frames` where sizes
 * or further layers differ from those of the frame.
 */
export function checkNeighbors(
  { width, height }: Frame,
  also: readonly Raster[],
  neighbors: readonly WindowFrame[],
): void {
  const offsets: readonly number[] = NEIGHBOR_OFFSETS;
  for (const [i, { offset, frame, motion, also: others = [] }] of neighbors.entries()) {
    if (!offsets.includes(offset) || neighbors.findIndex((other) => other.offset === offset) !== i) {
      const message = expected('different numbers from -3 to 3 but 0', 'the offsets of a window', offset);
      throw new QuietframeError('invalid-argument', message, { parameter: 'neighbors' });
    }
    const size = (image: { width: number; height: number }): string =>
      `${image.width} x ${image.height} pixels`;
    const wanted = size({ width, height });
    const layers = [
      frame,
      motion,
      ...Object.values(frame).filter((layer) => typeof layer === 'object'),
      ...others,
    ];
    for (const layer of layers) if (size(layer) !== wanted) throw differing(offset, wanted, size(layer));
    if (motion.channels !== 2) throw differing(offset, 'motion of 2 channels', motion.channels);
    const channels = (list: readonly Raster[]): string => list.map((layer) => layer.channels).join(', ');
    if (channels(also) !== channels(others)) {
      throw differing(offset, `further layers of ${channels(also)} channels`, channels(others));
    }
  }
}
