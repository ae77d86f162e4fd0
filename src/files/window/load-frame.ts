import { createHash } from 'node:crypto';
import { QuietframeError } from '../../errors.js';
import type { ExrPool } from '../../exr/pool.js';
import type { BuiltFrame } from '../../frame/build-frame.js';
import type { PlannedImage } from '../../frame/planned-image.js';
import { digestOf } from '../../io/sha256.js';
import { buildFrameOffThread } from '../run-off-thread.js';
import type { CachedFrames } from './frame-cache.js';
import { type ReadPlannedOptions, readPlanned } from './read-planned.js';

/** A file and what errors call it. */
export interface NamedFile {
  readonly name: string;
  readonly file: Uint8Array;
}

export interface LoadedFrame {
  readonly built: BuiltFrame;
  /** Tells the content: digests of the files, and how they were read. */
  readonly key: string;
}

/** How a frame is read. */
export interface LoadOptions extends ReadPlannedOptions {
  /** Digests of files that are known already. */
  readonly digests?: ReadonlyMap<Uint8Array, string>;
}

/**
 * A frame of a file, or of two half buffers, as it is kept or else decoded and built.
 * @param onDecoded called once the channels are there, if they were not.
 * @throws QuietframeError as `readPlanned` and `buildFrame`, naming the file; `cancelled`.
 */
export async function loadFrame(
  [main, half]: readonly [NamedFile, NamedFile?],
  { signal, digests, ...options }: LoadOptions,
  pool: ExrPool,
  cached: CachedFrames,
  onDecoded: () => void = () => {},
): Promise<LoadedFrame> {
  const files = half === undefined ? [main] : [main, half];
  const key = await keyOf(files, options, digests);
  const read = ({ name, file }: NamedFile): Promise<PlannedImage> =>
    naming(name, () => readPlanned(file, pool, { ...options, ...(signal && { signal }) }));
  const built = await cached.frame(key, async () => {
    const [image, other] = await Promise.all([read(main), half && read(half)]);
    onDecoded();
    return naming(main.name, () => buildFrameOffThread(image, other, signal));
  });
  return { built, key };
}

/**
 * Runs work on a file; errors that do not name a frame name this one.
 * @throws QuietframeError as the work.
 */
export async function naming<T>(frame: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof QuietframeError)) throw error;
    throw new QuietframeError(error.code, error.message, { frame, ...error.details }, { cause: error });
  }
}

/** Of files that are in the windows of several frames. */
const computed = new WeakMap<Uint8Array, string>();

async function keyOf(
  files: readonly NamedFile[],
  options: ReadPlannedOptions,
  known: LoadOptions['digests'],
): Promise<string> {
  const { source, view, layers, motion, samplesPerPixel, aovs, withAlpha, withSplit, withMotion } = options;
  const hash = createHash('sha256');
  for (const { file } of files) {
    const digest = known?.get(file) ?? computed.get(file) ?? (await digestOf(file));
    computed.set(file, digest);
    hash.update(digest);
  }
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
