import { expected, QuietframeError } from '../../errors.js';
import { byName, type ChannelGroup } from './channel-groups.js';
import { isDenoisedCopy, isNamedAsBeauty, isNamedAsOther } from './layer-names.js';
import type { ResolveOptions } from './layer-plan.js';
import { channelsOf, type LayerTable, type Match, prefixesBefore, shorten } from './layer-table.js';
import type { LayerAlias } from './render-source.js';
import { sortedViews } from './views.js';

/** The beauty, and what else could have been it. */
export interface FoundColor {
  readonly match: Match;
  /** All layers that go by the same names, in all views and view layers; the match is the first of them. */
  readonly candidates: readonly Match[];
  /** Found by the tables (or named as what they find), not chosen from other layers by the request. */
  readonly isUsual: boolean;
}

/**
 * Finds the colour: the layer that a request names, or by the tables of the renderer.
 * @throws QuietframeError `missing-layer`, naming what was looked for; `invalid-argument` for a view that the file does not
 * have; `unsupported-exr` where the samples cannot be decoded.
 */
export function findColor(
  table: LayerTable,
  { layers, view: wanted }: Pick<ResolveOptions, 'layers' | 'view'>,
): FoundColor {
  const asked = layers?.color;
  const view = wanted === 'all' ? undefined : wanted;
  if (asked === 'none') {
    throw new QuietframeError('invalid-argument', expected('a layer', 'the role color', 'none'), {
      parameter: 'layers',
    });
  }
  const usual = choose(table, usualColors(table, view), view);
  if (asked === undefined) {
    if (usual === undefined) throw missingColor(table, view);
    if (isAmbiguous(table, usual)) {
      const names = shorten(usual.candidates.map(({ group }) => group.layer));
      const range = 'one part that can be the colour, or its name as the layer of the role color,';
      throw new QuietframeError('missing-layer', expected(range, 'the file', names), { layer: 'color' });
    }
    if (table.unreadable(usual.match.group) !== undefined) throw table.unreadableError(usual.match);
    return { ...usual, isUsual: true };
  }
  const matches = table.named('color', asked);
  const named = choose(table, matches, view);
  if (named === undefined) throw missingView(table, matches, view);
  if (usual?.match.group === named.match.group && !isAmbiguous(table, usual))
    return { ...usual, isUsual: true };
  const prefix = ownPrefix(table, named.match.group);
  return { ...named, match: { ...named.match, prefix }, isUsual: false };
}

/** Stereo views that have a colour, in the order in which they are preferred; undefined where there are none. */
export function colorViews(
  table: LayerTable,
  { layers }: Pick<ResolveOptions, 'layers'>,
): readonly (string | undefined)[] {
  const asked = layers?.color;
  const matches = asked === undefined ? usualColors(table, undefined) : table.named('color', asked);
  return sortedViews(
    matches.map(({ group }) => group.view),
    table.parts,
  );
}

/** Whether a layer's view is one that a request names, in any case of letters. */
function isOfView({ group }: Match, view: string | undefined): boolean {
  return view === undefined || group.view?.toLowerCase() === view.toLowerCase();
}

/** Layers of the surest names that are there, in the view where one is asked for. */
function usualColors(table: LayerTable, view: string | undefined): Match[] {
  const aliases = table.aliases('color');
  const isGray = (alias: LayerAlias): boolean => alias.endsWith('YYY');
  for (const gray of [false, true]) {
    const own = aliases.filter((alias) => isGray(alias) === gray);
    for (const tier of tiers(table, own)) {
      const matches = tier
        .flatMap((alias) => table.matches(alias))
        .filter(({ group }) => !isDeep(table, group));
      if (matches.some((match) => isOfView(match, view))) return matches;
    }
    const nameless = namelessColors(table, gray ? 'YYY' : 'RGB').filter((match) => isOfView(match, view));
    if (nameless.length > 0) return nameless;
  }
  return [];
}

/** Names that mean the same beauty, where it is read from one layer and written to another, are looked for together. */
function tiers(table: LayerTable, aliases: readonly LayerAlias[]): LayerAlias[][] {
  const last = aliases.findIndex((alias) => table.source.target?.includes(alias));
  return [
    ...(last < 0 ? [] : [aliases.slice(0, last + 1)]),
    ...aliases.slice(last + 1).map((alias) => [alias]),
  ];
}

function isDeep(table: LayerTable, group: ChannelGroup): boolean {
  return table.unreadable(group)?.startsWith('deep') ?? false;
}

/**
 * The last resort: a part whose channels have no layer, read as if it had no name. Never one that is named after something
 * else.
 */
function namelessColors(table: LayerTable, suffixes: string): Match[] {
  const others = new Set(
    (['albedo', 'normal', 'depth', 'motion', 'diffuseDirect', 'diffuseIndirect', 'diffuseColor'] as const)
      .flatMap((role) => [
        ...table.aliases(role),
        ...[...table.source.variances, ...table.source.lights].map(({ layer }) => layer),
      ])
      .filter((alias) => !alias.startsWith('*'))
      .flatMap((alias) => table.matches(alias).map(({ group }) => group)),
  );
  const all = table.groups.flatMap((group): Match[] => {
    const layer = channelsOf(group, suffixes);
    const isTaken = others.has(group) || isNamedAsOther(group.layer) || isDeep(table, group);
    if (layer === undefined || !group.isNamedByPart || isTaken) return [];
    return [{ group, prefix: ownPrefix(table, group), layer, isWholePart: true }];
  });
  const withGuides = partsWithGuides(table);
  let found = all;
  for (const isLikelier of [
    ({ group }: Match): boolean => isNamedAsBeauty(group.layer),
    ({ group }: Match): boolean => withGuides.has(group.part),
    ({ group }: Match): boolean => group.channels.has('A'),
  ]) {
    const likelier = found.filter(isLikelier);
    if (likelier.length > 0) found = likelier;
  }
  return found;
}

/**
 * Whether it cannot be told which of several parts is the beauty. Those with guides of their own are pictures by themselves,
 * like view layers.
 */
function isAmbiguous(
  table: LayerTable,
  { match, candidates }: Pick<FoundColor, 'match' | 'candidates'>,
): boolean {
  const alike = candidates.filter(({ group }) => group.view === match.group.view);
  if (!match.isWholePart || new Set(alike.map(({ group }) => group.layer)).size < 2) return false;
  const withGuides = partsWithGuides(table);
  return alike.some(({ group }) => !withGuides.has(group.part));
}

/** Parts that have an albedo or normals of their own: each is a picture by itself. */
function partsWithGuides(table: LayerTable): ReadonlySet<number> {
  const aliases = (['albedo', 'normal'] as const).flatMap((role) => table.aliases(role));
  const matches = aliases.filter((alias) => !alias.startsWith('*')).flatMap((alias) => table.matches(alias));
  return new Set(matches.flatMap(({ group }) => (group.isNamedByPart ? [] : [group.part])));
}

/** One of several layers: by view, by view layer, then by part; none that is a copy or a composite unless it is alone. */
function choose(
  table: LayerTable,
  matches: readonly Match[],
  view: string | undefined,
): Pick<FoundColor, 'match' | 'candidates'> | undefined {
  const inView = matches.filter((match) => isOfView(match, view));
  const [own] = sortedViews(
    inView.map(({ group }) => group.view),
    table.parts,
  );
  const isCopy = ({ group }: Match): boolean => isDenoisedCopy(group.layer);
  const isComposite = ({ prefix }: Match): boolean => prefix === table.source.composite;
  let rest = matches;
  for (const isAvoided of [isCopy, isComposite]) {
    const others = rest.filter((match) => !isAvoided(match));
    if (others.some(({ group }) => group.view === own && inView.length > 0)) rest = others;
  }
  const ordered = rest.filter(({ group }) => group.view === own).sort((a, b) => byName(a.prefix, b.prefix));
  const [match] = inView.length === 0 ? [] : ordered;
  return match && { match, candidates: [match, ...rest.filter((other) => other !== match)] };
}

/** The view layer of a colour that was not found by the tables: what stands before its name, or before the last dot. */
function ownPrefix(table: LayerTable, group: ChannelGroup): string {
  for (const alias of table.aliases('color')) {
    const dot = alias.lastIndexOf('.');
    const [prefix] = prefixesBefore(group.layer, alias.slice(0, Math.max(0, dot)));
    if (prefix !== undefined) return prefix;
  }
  return group.layer.slice(0, Math.max(0, group.layer.lastIndexOf('.')));
}

function missingColor(table: LayerTable, view: string | undefined): QuietframeError {
  const elsewhere = view === undefined ? [] : usualColors(table, undefined);
  if (elsewhere.length > 0) return missingView(table, elsewhere, view);
  const chroma = table.groups.find(({ channels }) => channels.has('Y') && channels.has('RY'));
  if (chroma !== undefined) {
    const range = 'red, green and blue, or luminance alone,';
    return new QuietframeError(
      'unsupported-exr',
      expected(range, 'the colour', 'luminance and chroma (Y, RY, BY)'),
      {
        layer: 'color',
      },
    );
  }
  const seen = [...new Set(table.groups.map((group) => group.layer || 'channels without a layer'))];
  const aliases = table.aliases('color').filter((alias) => !alias.endsWith('YYY'));
  const range = `one of the layers ${aliases.join(', ')}, or luminance (Y)`;
  return new QuietframeError(
    'missing-layer',
    expected(range, `the colour of a ${table.source.name} file`, shorten(seen)),
    { layer: 'color' },
  );
}

function missingView(
  table: LayerTable,
  matches: readonly Match[],
  view: string | undefined,
): QuietframeError {
  const views = sortedViews(
    matches.map(({ group }) => group.view),
    table.parts,
  ).filter((name) => name !== undefined);
  const range =
    views.length === 0 ? 'all, or a file with stereo views,' : `all or one of ${views.join(', ')}`;
  return new QuietframeError('invalid-argument', expected(range, 'view', view ?? 'none'), {
    parameter: 'view',
  });
}
