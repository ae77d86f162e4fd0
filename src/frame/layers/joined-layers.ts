import { expected, QuietframeError } from '../../errors.js';
import type { Box } from '../../image/image.js';
import { FILE_ROLES, type FileRole, joinedPart, ownParts } from '../../image/joined-parts.js';
import type { FoundColor } from './find-color.js';
import type { ResolveOptions } from './layer-plan.js';
import { channelsOf, LayerTable, type Match, SUFFIXES, sameBox, shorten } from './layer-table.js';
import type { PartChannels } from './part-channels.js';
import type { RenderSource, Role } from './render-source.js';

/** The parts of the frame's own file, which come first, and those of other files by what they are for. */
export interface SplitParts {
  readonly own: readonly PartChannels[];
  readonly others: ReadonlyMap<FileRole, readonly JoinedPart[]>;
}

interface JoinedPart extends PartChannels {
  /** Its place among all parts. */
  readonly index: number;
}

export function splitParts(parts: readonly PartChannels[]): SplitParts {
  const others = new Map<FileRole, JoinedPart[]>();
  for (const [index, part] of parts.entries()) {
    const joined = joinedPart(part.name);
    if (joined === undefined) continue;
    others.set(joined.role, [...(others.get(joined.role) ?? []), { ...part, name: joined.ownName, index }]);
  }
  return { own: ownParts(parts), others };
}

/** A layer of another file; `isGuessed` where its channels alone say that it is the one. */
type JoinedMatch = Match & { readonly isGuessed: boolean };

/** Layers that came in files of their own: whatever the renderer calls them there, the file says what they are. */
export class JoinedLayers {
  readonly #found: ReadonlyMap<FileRole, JoinedMatch>;

  /**
   * Finds the layer of every file: the one that the request names for the role, that goes by a name of the renderer for it, or
   * that alone has the channels.
   * @throws QuietframeError `missing-layer`, `mismatched-frames` where its data window or view is another one than the colour's,
   * `unsupported-exr`; each with the role as its frame.
   */
  constructor(
    { own, others }: SplitParts,
    source: RenderSource,
    { match: color }: FoundColor,
    options: ResolveOptions,
  ) {
    const beside = { window: own[color.group.part]?.dataWindow, view: color.group.view };
    this.#found = new Map(
      [...others].map(([role, parts]) => [role, layerOf(role, parts, source, beside, options)]),
    );
  }

  get roles(): readonly FileRole[] {
    return [...this.#found.keys()];
  }

  /** The layer of a role, where a file has it. */
  find(role: Role): JoinedMatch | undefined {
    const known = FILE_ROLES.find((each) => each === role);
    return known && this.#found.get(known);
  }
}

function layerOf(
  role: FileRole,
  parts: readonly JoinedPart[],
  source: RenderSource,
  { window, view }: { readonly window: Box | undefined; readonly view: string | undefined },
  options: ResolveOptions,
): JoinedMatch {
  const wrong = (
    code: 'missing-layer' | 'mismatched-frames',
    range: string,
    received: string,
  ): QuietframeError =>
    new QuietframeError(code, expected(range, `the file of the role ${role}`, received), {
      frame: role,
      layer: role,
    });
  const table = new LayerTable(parts, source);
  const matches = candidates(table, role, options);
  if (matches.length === 0) {
    const suffixes = SUFFIXES[role].join(' or ').replaceAll('YYY', 'Y');
    throw wrong('missing-layer', `a layer with the channels ${suffixes}`, namesOf(table));
  }
  const inView = matches.filter(({ group }) => group.view === view);
  // A file without views is that of the one view that is denoised.
  const isForAny = inView.length === 0 && options.view !== 'all';
  const fits = isForAny ? matches.filter(({ group }) => group.view === undefined) : inView;
  const [match] = fits;
  if (match === undefined) throw wrong('mismatched-frames', `the view ${view ?? 'without a name'}`, 'others');
  if (new Set(fits.map(({ group }) => group.layer)).size > 1)
    throw wrong('missing-layer', 'one layer, or its name in layers,', namesOf(table));
  if (table.unreadable(match.group) !== undefined) throw table.unreadableError(match);
  const box = table.window(match);
  if (window === undefined || !sameBox(box, window))
    throw wrong('mismatched-frames', `the data window ${shown(window)} of the colour`, shown(box));
  const part = parts[match.group.part]?.index ?? 0;
  return { ...match, group: { ...match.group, part }, layer: { ...match.layer, part } };
}

function shown(box: Box | undefined): string {
  return box === undefined ? '' : `(${box.xMin}, ${box.yMin}) to (${box.xMax}, ${box.yMax})`;
}

function candidates(table: LayerTable, role: FileRole, { layers }: ResolveOptions): readonly JoinedMatch[] {
  const sure = (matches: readonly Match[]): JoinedMatch[] =>
    matches.map((match) => ({ ...match, isGuessed: false }));
  const asked = layers?.[role];
  if (asked !== undefined && asked !== 'none') return sure(table.named(role, asked));
  const aliases =
    role === 'colorVariance'
      ? table.source.variances.flatMap((each) => (each.role === role ? [each.layer] : []))
      : table.aliases(role);
  for (const alias of aliases.filter((each) => !each.startsWith('*') && each.includes('.'))) {
    const matches = table.matches(alias);
    if (matches.length > 0) return sure(matches);
  }
  for (const suffixes of SUFFIXES[role]) {
    const matches = table.groups.flatMap((group): JoinedMatch[] => {
      const layer = channelsOf(group, suffixes);
      return layer === undefined ? [] : [{ group, prefix: '', layer, isGuessed: true }];
    });
    if (matches.length > 0) return matches;
  }
  return [];
}

function namesOf({ groups }: LayerTable): string {
  return shorten([...new Set(groups.map(({ layer }) => layer || 'channels without a layer'))]);
}
