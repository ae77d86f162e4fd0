import { plane, type Raster } from '../src/image/raster.js';
import { warp } from '../src/image/warp.js';
import { interleave } from './layers.js';
import { layerOf, type Pictures } from './pictures.js';
import { rasterOf } from './pixels.js';
import type { Slot } from './screen.js';
import { FLICKER, type Picture, type Source, type State } from './state.js';

type PictureSet = Partial<Record<Slot, Picture>>;

/** Reads what can be shown of a layer of the current frame: each side that has it, and for flicker the previous frame. */
export async function readPictureSet(
  state: State,
  pictures: Pictures,
  source: Source,
  label: string,
): Promise<PictureSet> {
  const { result, earlier, frame } = state;
  const noisy = await pictures.read(source, label, false);
  const denoised = result === undefined ? noisy : await pictures.read(result.source, label, true);
  const set: PictureSet = { noisy, denoised };
  if (label === FLICKER) return { ...set, ...(await previous(state, pictures, source, noisy, denoised)) };
  // Maps are in the denoised file alone.
  if (layerOf(source, label, false) === undefined) return { noisy: denoised, denoised };
  if (earlier !== undefined) set.earlier = await pictures.read(earlier.source, label, true);
  const file = state.references.get(frame);
  const reference = file && (await pictures.source(file));
  if (reference !== undefined && layerOf(reference, label, false) !== undefined) {
    set.reference = await pictures.read(reference, label, false);
  }
  return set;
}

/**
 * Both sides of the previous frame, moved to where this frame shows them if it has motion vectors; this frame where it is
 * the first. Alpha is 0 where the previous frame shows nothing of a pixel.
 */
async function previous(
  state: State,
  pictures: Pictures,
  source: Source,
  noisy: Picture,
  denoised: Picture,
): Promise<PictureSet> {
  const { shot, frame, results } = state;
  const file = shot.frames[frame - 1];
  if (file === undefined) return { noisyBefore: noisy, denoisedBefore: denoised };
  const motion = await pictures.motion(source);
  state.isMotionFollowed = motion?.isToPrevious === true;
  const moved = (picture: Picture): Picture =>
    motion?.isToPrevious === true ? compensate(picture, motion.offsets) : opaque(picture);
  const noisyBefore = moved(await pictures.read(await pictures.source(file), '', false));
  const [now, before] = [results.get(frame)?.[0], results.get(frame - 1)?.[0]];
  // A denoised frame is compared with a denoised one alone.
  const isBoth = now !== undefined && before !== undefined;
  return {
    noisyBefore,
    denoisedBefore: isBoth ? moved(await pictures.read(before.source, '', true)) : denoised,
  };
}

function compensate({ width, height, data }: Picture, offsets: Raster): Picture {
  if (offsets.width !== width || offsets.height !== height) return opaque({ width, height, data });
  const { warped, inside } = warp(rasterOf({ width, height, data }), offsets);
  const planes = [0, 1, 2].map((c) => plane(warped, c));
  return { width, height, data: interleave(planes, width * height, inside) };
}

function opaque({ width, height, data }: Picture): Picture {
  const copy = data.slice();
  for (let i = 3; i < copy.length; i += 4) copy[i] = 1;
  return { width, height, data: copy };
}
