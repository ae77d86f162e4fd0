/** Names that a warning lists. */
const MOST_NAMES = 5;

/** What a shot lacks. */
export interface Omissions {
  /** Names of files that are almost named like frames. */
  readonly nearMisses: readonly string[];
  /** Frames that were asked for and are not there. */
  readonly missing: readonly number[];
}

/** Warnings about them, each with its code. */
export function textsOfOmissions({ nearMisses, missing }: Omissions, pattern: string): string[] {
  const texts: string[] = [];
  if (missing.length > 0) {
    const list = shortList(missing.map(String));
    const some = missing.length === 1 ? `The frame ${list} of --frames is` : `Frames ${list} of --frames are`;
    texts.push(`missing-frames: ${some} not there`);
  }
  if (nearMisses.length > 0) {
    const files = nearMisses.length === 1 ? '1 file is' : `${nearMisses.length} files are`;
    texts.push(`near-miss: ${files} named almost like ${pattern} and left out: ${shortList(nearMisses)}`);
  }
  return texts;
}

export function shortList(names: readonly string[]): string {
  const more = names.length > MOST_NAMES ? `, and ${names.length - MOST_NAMES} more` : '';
  return `${names.slice(0, MOST_NAMES).join(', ')}${more}`;
}
