import type { ExrHeader } from '../exr/header.js';
import { boxHeight, boxWidth } from '../image/image.js';
import { needsErrors } from '../workflow/maps.js';
import type { DenoiseQuery } from './denoise-query.js';
import type { SelectedFrames } from './select-frames.js';

/** Channels of a file that are read at most, beside layers of light: colour, alpha, albedo, normal, depth, their variances. */
const CHANNELS = 20;
/** Colour and alpha. */
const RADIANCE = 4;
const GUIDES = 9;
/**
 * Bytes a pixel of all levels together: features of two frames of a window, those of every frame on a device, the estimate of a
 * frame, motion of another.
 */
const FEATURES = 2 * 139;
const DEVICE_FEATURES = 43;
const ESTIMATE = 48;
const ESTIMATED_CHANNEL = 16 / 3;
const MOTION = 11;
/** Three planes of predicted errors, with the padding of the levels and without it. */
const ERRORS = 24;

/**
 * Bytes that the work on frames may take beside the tiles, by the headers of its files; the formula of docs/memory.md.
 * @param header as `ExrPool.header`.
 */
export function frameMemory(
  { files }: SelectedFrames,
  { aovs, upscale = 1, maps = {} }: Pick<DenoiseQuery, 'aovs' | 'upscale' | 'maps'>,
  header: (bytes: Uint8Array) => ExrHeader,
): number {
  const { exr, halves = [], neighbours = [] } = files;
  const { parts } = header(exr);
  const pixels = Math.max(...parts.map(({ dataWindow }) => boxWidth(dataWindow) * boxHeight(dataWindow)));
  const channels = parts.reduce((sum, part) => sum + part.channels.length, 0);
  const light = aovs === undefined ? 0 : aovs === 'all' ? channels : 3 * aovs.length;
  const decoded = Math.max(1, halves.length) + neighbours.length;
  const radiance = RADIANCE + light;
  const planes =
    2 * decoded * Math.min(channels, CHANNELS + light) + (4 / 3) * (3 * radiance + GUIDES) + 3 * radiance;
  // A magnified file has all channels, and its light once more on the way there.
  const magnified = upscale === 1 ? 0 : upscale ** 2 * 2 * (channels + radiance);
  const others = neighbours.length;
  const estimates = (1 + others) * (ESTIMATE + ESTIMATED_CHANNEL * light);
  const features = Math.max(FEATURES, DEVICE_FEATURES * (1 + others));
  const window = others === 0 ? 0 : features + estimates + MOTION * others;
  const errors = needsErrors(maps) ? ERRORS : 0;
  const bytes = [exr, exr, ...halves, ...neighbours.map((neighbour) => neighbour.exr)];
  return Math.ceil(
    bytes.reduce((sum, { length }) => sum + length, pixels * (4 * (planes + magnified) + window + errors)),
  );
}
