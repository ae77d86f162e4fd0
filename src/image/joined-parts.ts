/**
 * A frame whose layers came in several files is one file while it is worked on: the parts of the others follow its own, under
 * names that say what they are for. Results are without them.
 */

/** Roles that a file of its own may have. */
export const FILE_ROLES = ['albedo', 'normal', 'motion', 'colorVariance'] as const;
export type FileRole = (typeof FILE_ROLES)[number];

const PREFIX = 'quietframe.file.';
/** Parts of a file with several need names; that of a file with one may have had none. */
const ONLY_PART = 'quietframe.frame';

/** The name of a part of another file; that of its only part has no own name. */
export function joinedName(role: FileRole, ownName?: string): string {
  return `${PREFIX}${role}${ownName === undefined ? '' : `/${ownName}`}`;
}

/** The name that the only part of a frame's file gets. */
export const ONLY_PART_NAME = ONLY_PART;

/** What a part is for, and its own name; undefined for the parts of the frame's file. */
export function joinedPart(name: string): { readonly role: FileRole; readonly ownName: string } | undefined {
  const role = FILE_ROLES.find((each) => name === PREFIX + each || name.startsWith(`${PREFIX}${each}/`));
  if (role === undefined) return undefined;
  return { role, ownName: name.slice(PREFIX.length + role.length + 1) };
}

/** The parts of the frame's file, which come first, the only one under no name. */
export function ownParts<Part extends { readonly name: string }>(parts: readonly Part[]): readonly Part[] {
  const own = parts.filter(({ name }) => joinedPart(name) === undefined);
  return own.map((part) => (part.name === ONLY_PART ? { ...part, name: '' } : part));
}
