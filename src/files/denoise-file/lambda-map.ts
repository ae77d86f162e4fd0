import { expected, QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import { rasterOf } from '../../frame/planned-image.js';
import { type Box, boxHeight, boxWidth } from '../../image/image.js';
import { type Raster, raster } from '../../image/raster.js';

/** Channels that a map is read from, the first that is there; a file of one channel may call it anything. */
const CHANNELS = ['lambda', 'Y', 'R'];

/**
 * The slope of the loss of every pixel from an OpenEXR file: its channel `lambda`, `Y` or `R`, or the only one of its first
 * part.
 * @param dataWindow of the frame; a map of this size is taken, wherever its own window lies.
 * @returns 1 channel in [1, 10].
 * @throws QuietframeError `missing-layer` without such a channel; `mismatched-frames` for another size; `invalid-argument`
 * for samples out of range, NaN among them; as `ExrPool.read`. They name `lambda`.
 */
export async function readLambdaMap(
  source: ExrSource,
  dataWindow: Box,
  pool: Pick<ExrPool, 'read'>,
  signal: AbortSignal | undefined,
): Promise<Raster> {
  const [part] = source.header.parts;
  const names = part?.channels.map(({ name }) => name) ?? [];
  const channel =
    CHANNELS.find((name) => names.includes(name)) ?? (names.length === 1 ? names[0] : undefined);
  if (part === undefined || channel === undefined) {
    const message = expected(
      `a channel ${CHANNELS.join(', ')} or only one`,
      'the lambda map',
      names.join(', '),
    );
    throw new QuietframeError('missing-layer', message, { parameter: 'lambda' });
  }
  const size = (box: Box): string => `${boxWidth(box)} x ${boxHeight(box)} pixels`;
  if (size(part.dataWindow) !== size(dataWindow)) {
    const message = expected(size(dataWindow), 'the lambda map', size(part.dataWindow));
    throw new QuietframeError('mismatched-frames', message, { parameter: 'lambda' });
  }
  const image = await pool.read(source, {
    select: ({ index }, { name }) => index === 0 && name === channel,
    ...(signal && { signal }),
  });
  const map = rasterOf(image, { part: 0, channels: [channel] }) ?? raster(0, 0, 1);
  const { data, width } = map;
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value >= 1 && value <= 10) continue;
    const place = `the lambda map at (${i % width}, ${Math.floor(i / width)})`;
    const message = expected('a number in [1, 10]', place, value);
    throw new QuietframeError('invalid-argument', message, { parameter: 'lambda' });
  }
  return map;
}
