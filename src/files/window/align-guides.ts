import type { Frame } from '../../frame/frame.js';
import { raster } from '../../image/raster.js';
import type { LoadedFrame } from './load-frame.js';

/**
 * A frame of a window with the guides that its centre has: albedo and normals may be the same everywhere, and so missing,
 * in some frames of a shot (a fade, an empty stage). What the centre lacks is left out; what it has is 0 where the frame
 * lacks it.
 */
export function alignGuides(center: Frame, { built, key, name }: LoadedFrame): LoadedFrame {
  let frame = built.frame;
  let how = '';
  for (const [role, variance] of [
    ['albedo', 'albedoVariance'],
    ['normal', 'normalVariance'],
  ] as const) {
    const { [role]: own, [variance]: ownVariance, ...rest } = frame;
    if ((center[role] === undefined) === (own === undefined)) continue;
    const { width, height } = frame;
    how += center[role] === undefined ? ` without ${role}` : ` with empty ${role}`;
    frame =
      center[role] === undefined
        ? rest
        : {
            ...rest,
            [role]: raster(width, height, 3),
            ...(center[variance] && { [variance]: raster(width, height, 1) }),
          };
  }
  return { name, ...(how === '' ? { built, key } : { built: { ...built, frame }, key: key + how }) };
}
