interface Named {
  readonly name: string;
}

/** What files that were dropped together are. */
export interface Shot<File extends Named> {
  /** In time order. */
  readonly frames: readonly File[];
  /** Two independent renders of one frame, and which frame that is. */
  readonly halves?: { readonly files: readonly [File, File]; readonly frame: number };
  /** Converged renders to compare with, by the index of their frame. */
  readonly references: ReadonlyMap<number, File>;
  /** Several frames have the same number, or none: they may be layers of one picture, or several shots. */
  readonly isDoubtful: boolean;
  /** Names that are neither OpenEXR nor of use. */
  readonly ignored: readonly string[];
}

/**
 * Puts files in order by the last number in their names. `half_a` and `half_b` in a name make two files half buffers: of the
 * frame with their number, or of the only frame. Without any frame, the first half stands for it. `reference` in a name
 * makes a file the reference of the frame with its number, or of the only frame.
 */
export function arrangeFiles<File extends Named>(files: readonly File[]): Shot<File> {
  const images = files.filter(({ name }) => /\.exr$/i.test(name));
  const used = images.filter((file) => !isReference(file));
  const half = (letter: 'a' | 'b'): File | undefined =>
    used.find(({ name }) => new RegExp(`half[_-]?${letter}(?![a-z])`, 'i').test(name));
  const [a, b] = [half('a'), half('b')];
  const pair = a !== undefined && b !== undefined ? ([a, b] as const) : undefined;
  const sorted = used
    .filter((file) => !pair?.includes(file))
    .sort((one, other) => numberOf(one.name) - numberOf(other.name) || compare(one.name, other.name));
  const frames = pair !== undefined && sorted.length === 0 ? [pair[0]] : sorted;
  const indexOf = ({ name }: File): number =>
    frames.length === 1 ? 0 : frames.findIndex((frame) => numberOf(frame.name) === numberOf(name));
  const matched = images.filter(isReference).map((file) => [indexOf(file), file] as const);
  const references = new Map(matched.filter(([index]) => index >= 0));
  const unused = files.filter(
    (file) => !images.includes(file) || (isReference(file) && ![...references.values()].includes(file)),
  );
  const isDoubtful = new Set(sorted.map(({ name }) => numberOf(name))).size < sorted.length;
  const frame = pair === undefined ? -1 : indexOf(pair[0]);
  if (pair !== undefined && frame < 0) unused.push(...pair);
  const ignored = unused.map(({ name }) => name);
  const shot = { frames, references, isDoubtful, ignored };
  return pair === undefined || frame < 0 ? shot : { ...shot, halves: { files: pair, frame } };
}

/** Frames of the window around a frame, as far as there are any, and its place among them. */
export function windowOf(
  frame: number,
  count: number,
  size: number,
): { first: number; end: number; center: number } {
  const reach = Math.floor(size / 2);
  const first = Math.max(0, frame - reach);
  return { first, end: Math.min(count, frame + reach + 1), center: frame - first };
}

function isReference({ name }: Named): boolean {
  return /(^|[^a-z])reference/i.test(name);
}

/** The last number of a name: the frame's. */
function numberOf(name: string): number {
  return Number(/(\d+)(?!.*\d)/.exec(name.replace(/\.exr$/i, ''))?.[1] ?? 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
