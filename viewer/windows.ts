import { select } from './page.js';
import type { Pictures } from './pictures.js';
import type { Content } from './service.js';
import { windowOf } from './shot.js';
import type { Source, State } from './state.js';

/** The window of a frame as requests name it, by the digests of its files, and those files. */
export interface RequestedWindow {
  readonly window: object;
  readonly contents: readonly Content[];
}

/** @throws Error with the name of a file that cannot be read. */
export async function requestedWindow(
  frame: number,
  { shot }: State,
  pictures: Pictures,
): Promise<RequestedWindow> {
  const open = (files: readonly File[]): Promise<Source[]> =>
    Promise.all(files.map((file) => pictures.source(file)));
  const digests = (list: readonly Source[]): string[] => list.map(({ digest }) => digest);
  const size = Number(select('window').value);
  const { first, end, center } = windowOf(frame, shot.frames.length, size);
  const sources = await open(shot.frames.slice(first, end));
  const { halves } = shot;
  if (halves?.frame !== frame) return { window: { frames: digests(sources), center }, contents: sources };
  const pair = await open(halves.files);
  return {
    window: { frames: digests(sources), center, halves: digests(pair) },
    contents: [...sources, ...pair],
  };
}
