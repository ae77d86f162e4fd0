import { withFrameName } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { ExrSource } from '../../exr/source.js';
import type { FrameWindow } from '../../frame/frame-window.js';
import type { DenoiseExrFiles } from '../denoise-file/types.js';
import type { FrameParts } from './planned-source.js';

/** The files of a request with their headers. */
export interface OpenedFiles {
  /** The file that the result is a copy of. */
  readonly original: ExrSource;
  /** What the frames are read from. Frames beyond the reach of the model may be missing. */
  readonly window: FrameWindow<FrameParts<ExrSource>>;
  /** Offsets of all frames around the center that the request has. */
  readonly offsets: readonly number[];
  /** The slope of the loss of every pixel. */
  readonly lambdaMap?: ExrSource;
  /** The frame at the new size. */
  readonly guide?: ExrSource;
}

/**
 * Reads the header of every file of a request, once each. Neighbors beyond `reach`, which are not used, may be damaged.
 * @throws QuietframeError as `ExrPool.open`, naming the file.
 */
export async function openFiles(
  { exr, halves, neighbors = [], lambdaMap, guide, digests, frameName = 'frame' }: DenoiseExrFiles,
  reach: number,
  pool: Pick<ExrPool, 'open'>,
): Promise<OpenedFiles> {
  const opened = new Map<Uint8Array, ExrSource>();
  const open = (bytes: Uint8Array, name: string): Promise<ExrSource> =>
    withFrameName(name, () => {
      const sha256 = digests?.get(bytes);
      const known = opened.get(bytes);
      const source =
        known === undefined
          ? pool.open(bytes, { name, ...(sha256 !== undefined && { sha256 }) })
          : { ...known, name };
      opened.set(bytes, source);
      return source;
    });
  const original = await open(exr, frameName);
  const center = halves
    ? { main: await open(halves[0], 'half_a'), half: await open(halves[1], 'half_b') }
    : { main: original };
  const near = neighbors.filter(({ offset }) => Math.abs(offset) <= reach);
  const around = await Promise.all(
    near.map(async ({ exr, offset, name = `neighbor[${offset}]` }) => ({
      ...{ offset, value: { main: await open(exr, name) } },
    })),
  );
  return {
    original,
    window: { center, neighbors: around },
    offsets: neighbors.map(({ offset }) => offset),
    ...(lambdaMap && { lambdaMap: await open(lambdaMap, 'lambda') }),
    ...(guide && { guide: await open(guide, 'guide') }),
  };
}
