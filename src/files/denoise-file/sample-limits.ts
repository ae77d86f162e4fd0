import { expected, QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { rasterOf } from '../../frame/planned-image.js';
import { type Box, boxHeight, boxWidth } from '../../image/image.js';
import { type AllocationOptions, MAX_SPP } from '../../sampling/allocate-samples.js';

/** Channels of the frame that limit the samples of its pixels. */
export interface LimitLayers {
  readonly minLayer?: string;
  readonly maxLayer?: string;
}

/** The least and most samples of every pixel. */
export type SampleLimits = Pick<AllocationOptions, 'minSamples' | 'maxSamples'>;

/**
 * Reads the least and most samples of every pixel from channels of the noisy frame.
 * @param dataWindow of the frame; the part of a channel has to have its size.
 * @throws QuietframeError `missing-layer` without such a channel; `mismatched-frames` for another size; `invalid-argument`
 * for samples that are not whole numbers in [0, 1000000]; as `ExrPool.read`. They name the parameter.
 */
export async function readSampleLimits(
  source: ExrSource,
  { minLayer, maxLayer }: LimitLayers,
  dataWindow: Box,
  pool: Pick<ExrPool, 'read'>,
  signal: AbortSignal | undefined,
): Promise<SampleLimits> {
  const read = (layer: string, parameter: string): Promise<Uint32Array> =>
    readLimits(source, { layer, parameter }, dataWindow, pool, signal);
  return {
    ...(minLayer !== undefined && { minSamples: await read(minLayer, 'min-layer') }),
    ...(maxLayer !== undefined && { maxSamples: await read(maxLayer, 'max-layer') }),
  };
}

async function readLimits(
  source: ExrSource,
  { layer, parameter }: { readonly layer: string; readonly parameter: string },
  dataWindow: Box,
  pool: Pick<ExrPool, 'read'>,
  signal: AbortSignal | undefined,
): Promise<Uint32Array> {
  const { parts } = source.header;
  const channel = [layer, `${layer}.Y`].find((name) =>
    parts.some(({ channels }) => channels.some((each) => each.name === name)),
  );
  const part = parts.find(({ channels }) => channels.some(({ name }) => name === channel));
  if (channel === undefined || part === undefined) {
    const message = expected('a channel of the frame', parameter, layer);
    throw new QuietframeError('missing-layer', message, { parameter, layer });
  }
  const size = (box: Box): string => `${boxWidth(box)} x ${boxHeight(box)} pixels`;
  if (size(part.dataWindow) !== size(dataWindow)) {
    const message = expected(size(dataWindow), `the layer ${layer}`, size(part.dataWindow));
    throw new QuietframeError('mismatched-frames', message, { parameter, layer });
  }
  const image = await pool.read(source, {
    select: ({ index }, { name }) => index === part.index && name === channel,
    ...(signal && { signal }),
  });
  const values = rasterOf(image, { part: part.index, channels: [channel] })?.data ?? new Float32Array();
  const width = boxWidth(dataWindow);
  const bad = values.findIndex((value) => !(Number.isInteger(value) && value >= 0 && value <= MAX_SPP));
  if (bad >= 0) {
    const place = `${layer} at (${bad % width}, ${Math.floor(bad / width)})`;
    const message = expected(`a whole number in [0, ${MAX_SPP}]`, place, values[bad]);
    throw new QuietframeError('invalid-argument', message, { parameter, layer });
  }
  return Uint32Array.from(values);
}
