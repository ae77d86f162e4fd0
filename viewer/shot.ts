/** What files that were dropped together are. */
export interface Shot<File extends { readonly name: string }> {
  /** In time order. */
  readonly frames: readonly File[];
  /** Two independent renders of one frame, and which frame that is. */
  readonly halves?: { readonly files: readonly [File, File]; readonly frame: number };
  /** Several frames have the same number, or none: they may be layers of one picture, or several shots. */
  readonly isDoubtful: boolean;
  /** Names that are neither OpenEXR nor of use. */
  readonly ignored: readonly string[];
}

/**
 * Puts files in order by the last number in their names. `half_a` and `half_b` in a name make two files half buffers: of the
 * frame with their number, or of the only frame. Without any frame, the first half stands for it.
 */
export function arrangeFiles<File extends { readonly name: string }>(files: readonly File[]): Shot<File> {
  const isUsed = ({ name }: File): boolean => /\.exr$/i.test(name) && !/(^|[^a-z])reference/i.test(name);
  const ignored = files.filter((file) => !isUsed(file)).map(({ name }) => name);
  const half = (letter: 'a' | 'b'): File | undefined =>
    files.find((file) => isUsed(file) && new RegExp(`half[_-]?${letter}(?![a-z])`, 'i').test(file.name));
  const [a, b] = [half('a'), half('b')];
  const isPair = a !== undefined && b !== undefined;
  const frames = files
    .filter((file) => isUsed(file) && !(isPair && (file === a || file === b)))
    .sort((one, other) => numberOf(one.name) - numberOf(other.name) || compare(one.name, other.name));
  const isDoubtful = new Set(frames.map(({ name }) => numberOf(name))).size < frames.length;
  if (!isPair) return { frames, isDoubtful, ignored };
  if (frames.length === 0) return { frames: [a], halves: { files: [a, b], frame: 0 }, isDoubtful, ignored };
  const found = frames.findIndex(({ name }) => numberOf(name) === numberOf(a.name));
  const frame = frames.length === 1 ? 0 : found;
  if (frame < 0) return { frames, isDoubtful, ignored: [...ignored, a.name, b.name] };
  return { frames, halves: { files: [a, b], frame }, isDoubtful, ignored };
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

/** The last number of a name: the frame's. */
function numberOf(name: string): number {
  return Number(/(\d+)(?!.*\d)/.exec(name.replace(/\.exr$/i, ''))?.[1] ?? 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
