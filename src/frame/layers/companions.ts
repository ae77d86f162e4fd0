import { expected, QuietframeError } from '../../errors.js';
import type { WarningCode } from '../frame.js';
import type { ChannelGroup } from './channel-groups.js';
import type { FoundColor } from './find-color.js';
import type { JoinedLayers } from './joined-layers.js';
import type { PictureRole, ResolveOptions } from './layer-plan.js';
import { type LayerTable, type Match, sameBox, shorten } from './layer-table.js';
import type { LayerAlias, Role } from './render-source.js';

/** Adds a warning to those of a plan. */
export type Warn = (code: WarningCode, message: string, layer?: string) => void;

/** Decides which layers belong to a colour: those of its own view, view layer and part. Foreign ones are never used. */
export class Companions {
  readonly #table: LayerTable;
  readonly #color: Match;
  readonly #joined: JoinedLayers;
  readonly #warn: Warn;
  /** View layers that have a colour of their own. */
  readonly #viewLayers: ReadonlySet<string>;
  /** The same layer is the colour of other parts, too: each part is a picture by itself. */
  readonly #isPartAlone: boolean;

  constructor(table: LayerTable, { match: color, candidates }: FoundColor, joined: JoinedLayers, warn: Warn) {
    this.#table = table;
    this.#joined = joined;
    this.#color = color;
    this.#warn = warn;
    const colors = table
      .aliases('color')
      .flatMap((alias) => table.matches(alias))
      .filter(({ prefix }) => prefix !== table.source.composite || prefix === color.prefix);
    this.#viewLayers = new Set([color.prefix, ...colors.map(({ prefix }) => prefix)]);
    this.#isPartAlone = candidates.some(
      ({ group, prefix, isWholePart }) =>
        group.part !== color.group.part &&
        group.view === color.group.view &&
        prefix === color.prefix &&
        (isWholePart || (!group.isNamedByPart && group.layer === color.group.layer)),
    );
  }

  /** Whether a layer is of the colour's own view, view layer, part and data window. */
  isOwn(match: Match): boolean {
    return match.prefix === this.#color.prefix && this.isBeside(match.group);
  }

  /** Whether a group of channels is of the colour's own view, part and data window, in whatever view layer. */
  isBeside(group: ChannelGroup): boolean {
    return this.#isOfColor(group) && this.#isOfWindow(group);
  }

  /** The layer of a role that goes with the colour. */
  find(
    role: PictureRole,
    { layers }: Pick<ResolveOptions, 'layers'>,
  ): (Match & { readonly isGuessed?: boolean }) | undefined {
    const asked = layers?.[role];
    if (asked === 'none') return undefined;
    const joined = this.fromFile(role);
    if (joined !== undefined) return joined;
    if (asked !== undefined) return this.asked(role, asked);
    for (const alias of this.#table.aliases(role)) {
      const match = this.fitting(alias, role);
      const isColor = match?.layer.channels.some((name) => this.#color.layer.channels.includes(name));
      if (match === undefined || (isColor && match.group.part === this.#color.group.part)) continue;
      return { ...match, isGuessed: alias.startsWith('*.') };
    }
    return undefined;
  }

  /** The layer of a role that came in a file of its own. */
  fromFile(role: Role): (Match & { readonly isGuessed: boolean }) | undefined {
    return this.#joined.find(role);
  }

  /** The one layer that goes by a name of the tables and belongs to the colour. */
  fitting(alias: LayerAlias, role: string): Match | undefined {
    const matches = this.#table
      .matches(alias)
      .filter(({ group }) => this.#table.unreadable(group) === undefined);
    const inScope = this.#inScope(matches);
    const fits = inScope.filter((match) => this.#isOfWindow(match.group));
    const [odd] = inScope;
    if (fits.length === 0 && odd !== undefined) {
      const shown = odd.layer.channels.join(', ');
      this.#warn('different-window', `${shown} is not used: its data window differs from the colour's`, role);
    }
    if (alias.startsWith('*.') && fits.length > 1) return undefined;
    return this.#nearest(fits);
  }

  /**
   * The layer that a request names for a role.
   * @throws QuietframeError `missing-layer`; `invalid-argument` where the name fits several; `mismatched-frames` where its
   * data window is another one.
   */
  asked(role: Parameters<LayerTable['named']>[0], name: string): Match {
    const named = this.#table.named(role, name);
    const { view } = this.#color.group;
    const matches = named.filter(({ group }) => group.view === view);
    if (matches.length === 0) {
      const range = `a layer of the view ${view ?? 'of the colour'}`;
      throw new QuietframeError('missing-layer', expected(range, `the role ${role}`, name), { layer: name });
    }
    const own = matches.filter(
      (match) =>
        this.#isOfColor(match.group) && this.#ownName(match, name) === match.group.layer.toLowerCase(),
    );
    const found = own.length > 0 ? own : matches;
    const fits = found.filter((match) => this.#isOfWindow(match.group));
    const layers = [...new Set((fits.length > 0 ? fits : found).map(({ group }) => group.layer))];
    if (layers.length > 1) {
      const message = expected(
        'the whole name of a layer',
        `the role ${role}`,
        `${name}, which fits ${shorten(layers)}`,
      );
      throw new QuietframeError('invalid-argument', message, { parameter: 'layers', layer: name });
    }
    const match = this.#nearest(fits);
    if (match !== undefined) return match;
    const shown = found[0]?.layer.channels.join(', ') ?? name;
    throw new QuietframeError(
      'mismatched-frames',
      expected('the data window of the colour', `the channels ${shown}`, 'another'),
      { layer: role },
    );
  }

  /** Layers of a role that belong to something else than the colour, or cannot be decoded, for a message. */
  foreign(role: PictureRole): { readonly others: string[]; readonly unreadable: string[] } {
    const matches = this.#table
      .aliases(role)
      .filter((alias) => !alias.startsWith('*.'))
      .flatMap((alias) => this.#table.matches(alias));
    const name = ({ group }: Match): string => group.layer;
    const unreadable = matches.filter(({ group }) => this.#table.unreadable(group) !== undefined);
    const others = matches.filter((match) => !unreadable.includes(match) && !this.isOwn(match));
    return { others: [...new Set(others.map(name))], unreadable: [...new Set(unreadable.map(name))] };
  }

  /** The whole name that an end of it has in the colour's own view layer. */
  #ownName(match: Match, name: string): string {
    const { prefix } = this.#color;
    return match.prefix === '' ? match.group.layer.toLowerCase() : `${prefix}.${name}`.toLowerCase();
  }

  #isOfColor(group: ChannelGroup): boolean {
    const { group: own } = this.#color;
    return group.view === own.view && (group.part === own.part || !this.#isPartAlone);
  }

  #isOfWindow(group: ChannelGroup): boolean {
    return sameBox(this.#table.part(group).dataWindow, this.#table.window(this.#color));
  }

  /** Those of the own view layer; where nothing names view layers apart, those of the only one there is. */
  #inScope(matches: readonly Match[]): Match[] {
    const candidates = matches.filter((match) => this.#isOfColor(match.group));
    const { prefix: own } = this.#color;
    const ofLayer = candidates.filter(({ prefix }) => prefix === own);
    if (ofLayer.length > 0) return ofLayer;
    const prefixes = [...new Set(candidates.map(({ prefix }) => prefix))];
    const [only] = prefixes;
    if (prefixes.length !== 1 || only === undefined) return [];
    const isFree = only === '' ? this.#viewLayers.size === 1 : own === '' && !this.#viewLayers.has(only);
    return isFree || (own === '' && this.#table.source.hasNestedLayers) ? candidates : [];
  }

  /** The one in the colour's own part, or else the first by name. */
  #nearest(matches: readonly Match[]): Match | undefined {
    return matches.find(({ group }) => group.part === this.#color.group.part) ?? matches[0];
  }
}
