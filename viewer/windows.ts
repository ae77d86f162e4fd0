import { select } from './page.js';
import { lambdaMap } from './paint.js';
import type { Pictures } from './pictures.js';
import type { Content } from './service.js';
import { windowOf } from './shot.js';
import type { Source, State } from './state.js';

/** The window of a frame as requests name it, by the digests of its files, and those files. */
export interface RequestedWindow {
  readonly window: object;
  readonly contents: readonly Content[];
}

/**
 * @param lambda of the pixels where no map is painted.
 * @throws FileProblem with the name of a file that cannot be read.
 */
export async function requestedWindow(
  frame: number,
  { shot, strokes }: State,
  pictures: Pictures,
  lambda: number,
): Promise<RequestedWindow> {
  const open = (files: readonly File[]): Promise<Source[]> =>
    Promise.all(files.map((file) => pictures.source(file)));
  const digests = (list: readonly Source[]): string[] => list.map(({ digest }) => digest);
  const size = Number(select('window').value);
  const { first, end, center } = windowOf(frame, shot.frames.length, size);
  const sources = await open(shot.frames.slice(first, end));
  const { halves } = shot;
  const pair = halves?.frame === frame ? await open(halves.files) : [];
  const painted = strokes.get(frame);
  const map = painted && (await pictures.open(lambdaMap(painted, lambda), 'The painted map'));
  return {
    window: {
      frames: digests(sources),
      center,
      ...(pair.length > 0 && { halves: digests(pair) }),
      ...(map && { lambda: map.digest }),
    },
    contents: [...sources, ...pair, ...(map ? [map] : [])],
  };
}
