import { storedBytes } from '../../denoise/memory-estimate.js';
import type { ModelSummary } from '../../denoise/types.js';
import { WRITABLE_COMPRESSIONS } from '../../exr/codecs/codec.js';
import { sampleBytes } from '../../exr/layout.js';
import { bandBytes, TRANSIENT_BANDS } from '../../exr/line-reader.js';
import type { ExrSummary, SummaryPart } from '../../exr/worker.js';
import { needsErrors, type Output } from '../../files/denoise-file/maps.js';
import { wrapReach } from '../../files/denoise-file/wrap.js';
import { boxHeight, boxWidth } from '../../image/image.js';
import type { SelectedFiles, SelectedFrames } from '../frames/choose-center.js';
import type { DenoiseQuery } from '../http/denoise-query.js';

/** Channels of a file that are read at most, beside layers of light: colour, alpha, albedo, normal, depth, their variances. */
const CHANNELS = 20;
/** Colour and alpha. */
const RADIANCE = 4;
const GUIDES = 9;
/** Three planes of predicted errors, with the padding of the levels and without it. */
const ERRORS = 24;
/** A map of lambda as decoded and as the denoiser wants it. */
const LAMBDA = 8;
/** Albedo, normals and a variance of each before and after the prefilter, at 4 bytes a sample. */
const PREFILTER = 4 * 2 * (3 + 3 + 1 + 1);
/** The clean albedo and normals as a result. */
const AUXILIARIES = 4 * (3 + 3);
/** As a frame's size, all three levels: their colors, blend weights, shares of seven frames and gates, and what workers write. */
const DEBUG = { levels: 36, 'blend-weights': 14, 'window-shares': 124, gate: 18, kernels: 14 } as const;
/** The result is there as chunks while it becomes a file; what is compressed without a loss is about as large as before. */
const RESULTS = 2;

/** Parameters that change how much memory is needed. */
type MemoryQuery = Pick<DenoiseQuery, 'model' | 'aovs' | 'upscale' | 'maps' | 'wrap' | 'prefilter'>;

/**
 * Bytes that the work on frames may take beside the tiles, by the headers of its files; the formula of docs/memory.md.
 * @param header what `ExrPool.inspect` says of a file.
 * @param models that the service has.
 */
export function frameMemory<File extends { readonly length: number }>(
  files: SelectedFiles<File>,
  { model, aovs, upscale = 1, maps = {}, wrap = 'auto', prefilter }: MemoryQuery,
  header: (file: File) => ExrSummary,
  models: readonly ModelSummary[],
): number {
  const { exr, halves = [], neighbors = [], guide, lambdaMap } = files;
  const { parts } = header(exr);
  const pixels = Math.max(...parts.map(pixelsOf));
  const channels = channelsOf(parts);
  const light = aovs === undefined ? 0 : aovs === 'all' ? channels : 3 * aovs.length;
  const decoded = Math.max(1, halves.length) + neighbors.length;
  const radiance = RADIANCE + light;
  const decodedPlanes = decoded * Math.min(channels, CHANNELS + light);
  const denoisedPlanes = (4 / 3) * (3 * radiance + GUIDES) + 3 * radiance;
  const planes = 2 * decodedPlanes + denoisedPlanes;
  // A magnified file has all channels: as decoded, as resized, as sent to the codec, and as encoded.
  const magnified = upscale === 1 ? 0 : channels + upscale ** 2 * (3 * channels + 2 * radiance);
  const stored = storedBytes(models, model, neighbors.length, light);
  const { window } = stored;
  const errors = needsErrors(maps) ? ERRORS : 0;
  // Frames of a window are cleaned one after the other; whether the model has a prefilter does not make an estimate wrong.
  const auxiliaries =
    (prefilter === 'off' ? 0 : PREFILTER) +
    (maps.outputs?.includes('auxiliaries') ? AUXILIARIES : 0) +
    debugBytes(maps.outputs ?? [], neighbors.length > 0 ? 0 : stored.features);
  const inputs = [exr, ...halves, ...neighbors.map((neighbor) => neighbor.exr)];
  const lambda = lambdaMap === undefined ? 0 : LAMBDA;
  // Frames that wrap are copied with the columns of the other border, and all work is on the copies.
  const wrapped = wrappedPixels(parts, wrap, upscale);
  const repeated = wrapped * (4 * (decodedPlanes + denoisedPlanes) + window + errors + auxiliaries + lambda);
  const bands = [...inputs, ...(guide ? [guide] : [])].flatMap((file) =>
    header(file).parts.filter(isReadable).map(bandBytes),
  );
  return Math.ceil(
    [...inputs, guide, lambdaMap].reduce((sum, file) => sum + (file?.length ?? 0), 0) +
      RESULTS * exr.length +
      expandedBytes(parts, light > 0) +
      TRANSIENT_BANDS * Math.max(0, ...bands) +
      (guide === undefined ? 0 : guideBytes(header(guide).parts)) +
      repeated +
      pixels * (4 * (planes + magnified) + window + errors + auxiliaries + lambda),
  );
}

/**
 * Bytes a pixel of what shows the network's work.
 * @param features of a single frame, which are stored to predict kernels again.
 */
function debugBytes(outputs: readonly Output[], features: number): number {
  const rasters = Object.entries(DEBUG).filter(([name]) => outputs.some((output) => output === name));
  const stored = outputs.includes('kernels') ? features : 0;
  return rasters.reduce((sum, [, bytes]) => sum + bytes, stored);
}

/** Pixels of the copy of a frame that wraps, or may: 0 where none is made. */
function wrappedPixels(parts: readonly SummaryPart[], wrap: DenoiseQuery['wrap'], upscale: number): number {
  if (wrap === 'none' || upscale !== 1) return 0;
  const wide = parts.map(({ dataWindow }) => {
    const [width, height] = [boxWidth(dataWindow), boxHeight(dataWindow)];
    return wrap === 'x' || width === 2 * height ? (width + 2 * wrapReach(width)) * height : 0;
  });
  return Math.max(0, ...wide);
}

/** What lossy parts may grow to, for they are written without a loss: all that layers of light are in, or the largest. */
function expandedBytes(parts: readonly SummaryPart[], all: boolean): number {
  const lossy = parts.filter(
    ({ compression }) => !WRITABLE_COMPRESSIONS.some((name) => name === compression),
  );
  const bytes = lossy.map((part) => pixelsOf(part) * pixelBytes(part));
  return all ? bytes.reduce((sum, each) => sum + each, 0) : Math.max(0, ...bytes);
}

/** Others are copied as they are. */
function isReadable({ unreadable }: SummaryPart): boolean {
  return unreadable === undefined;
}

/** Its channels as decoded and as the denoiser wants them. */
function guideBytes(parts: readonly SummaryPart[]): number {
  return 4 * 2 * Math.max(...parts.map(pixelsOf)) * Math.min(channelsOf(parts), CHANNELS);
}

function channelsOf(parts: readonly SummaryPart[]): number {
  return parts.reduce((sum, { channels }) => sum + channels.length, 0);
}

function pixelsOf({ dataWindow }: SummaryPart): number {
  return boxWidth(dataWindow) * boxHeight(dataWindow);
}

function pixelBytes({ channels }: SummaryPart): number {
  return channels.reduce((sum, { type }) => sum + sampleBytes(type), 0);
}

/** As {@link frameMemory}, for the files of a request whose headers were read. */
export function memoryOf(
  { files, headers }: SelectedFrames,
  query: MemoryQuery,
  models: readonly ModelSummary[],
): number {
  return frameMemory(files, query, (file) => headers.get(file) as ExrSummary, models);
}
