import { createHash } from 'node:crypto';
import { withFrameName } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import type { FrameExtras } from '../../frame/channels-to-read.js';
import type { ResolveOptions } from '../../frame/layers/resolve-layers.js';
import type { PlannedImage } from '../../frame/planned-image.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import type { CachedFrames } from './frame-cache.js';
import type { FrameParts, PlannedSource } from './planned-source.js';
import { readPlanned } from './read-planned.js';

export interface LoadedFrame {
  /** What errors and warnings call it. */
  readonly name: string;
  readonly built: BuiltFrame;
  /** Tells the content: digests of the files, and how they were read. */
  readonly key: string;
}

/** How a frame is read: as its files were planned, and what it has beside. */
export interface LoadOptions extends ResolveOptions, FrameExtras {
  readonly signal?: AbortSignal;
}

/**
 * A frame of a file, or of two half buffers, as it is cached or else decoded and built.
 * @param onDecoded called once the channels are there, if they were not.
 * @throws QuietframeError as `readPlanned` and `buildFrame`, naming the file; `cancelled`.
 */
export async function loadFrame(
  { main, half }: FrameParts<PlannedSource>,
  { signal, ...options }: LoadOptions,
  pool: Pick<ExrPool, 'read'>,
  cached: CachedFrames,
  onDecoded: () => void = () => {},
): Promise<LoadedFrame> {
  const { name } = main.source;
  const key = await keyOf(half === undefined ? [main] : [main, half], options);
  const read = (planned: PlannedSource): Promise<PlannedImage> =>
    withFrameName(planned.source.name, () =>
      readPlanned(planned, pool, { ...options, ...(signal && { signal }) }),
    );
  const built = await cached.frame(key, async () => {
    const [image, other] = await Promise.all([read(main), half && read(half)]);
    onDecoded();
    return withFrameName(name, () => buildFrameOffThread(image, other, signal));
  });
  return { name, built, key };
}

async function keyOf(files: readonly PlannedSource[], options: Omit<LoadOptions, 'signal'>): Promise<string> {
  const { source, view, layers, motion, samplesPerPixel, aovs, withAlpha, withSplit, withMotion } = options;
  const hash = createHash('sha256');
  for (const file of files) hash.update(await file.source.sha256());
  const how = [
    source,
    view,
    Object.entries(layers ?? {}).sort(),
    motion,
    samplesPerPixel,
    aovs,
    withAlpha,
    withSplit,
    withMotion,
  ];
  return hash.update(JSON.stringify(how)).digest('hex');
}
